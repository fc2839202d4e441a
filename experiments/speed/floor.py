"""The convolution floor: every convolution of a step by itself, at its best precision. In ssgan's environment."""

import collections
import statistics

from experiments.common import timing
from experiments.speed import shapes
from experiments.speed.ssgan_step import read_options

REPEATS = 7
PRECISIONS = ("float32", "bfloat16")
SIDE = 4096  # rows and columns of the matrices whose product is the machine's peak


def measure(*, config: str, flags: list[str]) -> dict:
    """Times each convolution, transposed convolution and dense layer of a step, forward and both gradients.

    Args:
        config: name of a file in `configs/`.
        flags: options on top of it.

    Returns:
        The report: `seconds` summed over the step at the faster precision of each, `gflop` of the step, `work`, the
        single figures, and `peak_gflop_per_second` of one large matrix product at the faster precision.
    """
    counted = collections.Counter(shapes.step_work(read_options(config, flags)))
    idle = _seconds(lambda x: x, "float32", [1])
    rows = []
    for work, times in counted.items():
        seconds = {precision: max(0.0, _work_seconds(work, precision) - idle) for precision in PRECISIONS}
        rows.append({**vars(work), "layer": vars(work.layer), "times": times, "seconds": seconds})
    return {
        "seconds": sum(row["times"] * min(row["seconds"].values()) for row in rows),
        "gflop": sum(work.flop * times for work, times in counted.items()) / 1e9,
        "peak_gflop_per_second": _peak(),
        "work": rows,
    }


def _peak() -> float:
    """Returns GFLOP per second of a product of two square matrices."""
    import tensorflow as tf

    seconds = min(_seconds(tf.matmul, precision, [SIDE, SIDE], [SIDE, SIDE]) for precision in PRECISIONS)
    return 2 * SIDE**3 / seconds / 1e9


def _work_seconds(work: shapes.Work, precision: str) -> float:
    """Returns the median time of one operation, seconds."""
    import tensorflow as tf

    layer, rows = work.layer, work.rows
    inputs = [rows, layer.size, layer.size, layer.inputs]
    outputs = [rows, layer.output_size, layer.output_size, layer.outputs]
    kernel = [layer.kernel, layer.kernel, layer.inputs, layer.outputs]
    if layer.kind == "dense":
        product = {
            shapes.FORWARD: (lambda x, w: x @ w, [inputs[::3], kernel[2:]]),
            shapes.INPUT_GRADIENT: (lambda dy, w: tf.matmul(dy, w, transpose_b=True), [outputs[::3], kernel[2:]]),
            shapes.WEIGHT_GRADIENT: (lambda x, dy: tf.matmul(x, dy, transpose_a=True), [inputs[::3], outputs[::3]]),
        }
        return _seconds(product[work.operation][0], precision, *product[work.operation][1])
    operation = work.operation
    if layer.kind == "transposed":
        # It is the gradient of a convolution from its outputs to its inputs: the two passes change places.
        inputs, outputs, kernel = outputs, inputs, [*kernel[:2], layer.outputs, layer.inputs]
        operation = {
            shapes.FORWARD: shapes.INPUT_GRADIENT,
            shapes.INPUT_GRADIENT: shapes.FORWARD,
        }.get(operation, operation)
    shared = {"strides": [1, layer.stride, layer.stride, 1], "padding": layer.padding}
    convolution = {
        shapes.FORWARD: (lambda x, w: tf.nn.conv2d(x, w, **shared), [inputs, kernel]),
        shapes.INPUT_GRADIENT: (
            lambda dy, w: tf.raw_ops.Conv2DBackpropInput(input_sizes=inputs, filter=w, out_backprop=dy, **shared),
            [outputs, kernel],
        ),
        shapes.WEIGHT_GRADIENT: (
            lambda x, dy: tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=kernel, out_backprop=dy, **shared),
            [inputs, outputs],
        ),
    }
    return _seconds(convolution[operation][0], precision, *convolution[operation][1])


def _seconds(function, precision: str, *input_shapes: list[int]) -> float:
    """Returns the median time of a compiled function of random tensors, seconds."""
    import tensorflow as tf

    tensors = [tf.cast(tf.random.stateless_normal(shape, [0, 0]), precision) for shape in input_shapes]
    compiled = tf.function(function, autograph=False)
    return statistics.median(timing.seconds_per_step(lambda: compiled(*tensors), steps=REPEATS))


if __name__ == "__main__":
    timing.main(measure)
