"""Three steps of a recipe on one device, on two, or as one of two processes; started by `distribute`.

  python -m experiments.studies.distributed_training '{"recipe": "default", "devices": 2, "file": "weights.npz"}'

Writes the weights before and after three steps of small batches; into a .json file, what two devices exchange in a
step of the recipe's own size.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ssgan import determinism

STEPS, RATE = 3, 1e-3
SIZES: dict[str, Any] = {"labels": 100, "dropout": 0.0}
SMALL = {"labeled_batch": 16, "unlabeled_batch": 16, "generated_batch": 16, "generator_width": 8}
PAPER = {
    **{"conditional": False, "latent": "uniform", "generator": "dcgan", "mode_seeking_weight": 0.0},
    **{"gan_views": "strong", "augment": "none", "pseudo_label_weight": 0.0, "pooling": "average", "optimizer": "adam"},
}
RECIPES: dict[str, dict[str, Any]] = {
    "default": SIZES,
    "paper": {**SIZES, **PAPER, "arch": "paper_svhn", "updates": "alternating"},
    "noisy": {**SIZES, "dropout": 0.3, "hidden_noise": 0.1, "input_noise": 0.1},
    "article": {**SIZES, **PAPER, "arch": "article", "batching": "masked", "gan_weight": 2.0, "label_smoothing": 0.1},
}


def main() -> None:
    """Trains as the argument says."""
    options = json.loads(sys.argv[1])
    determinism.turn_off_onednn()  # which adds in another order for another number of rows
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * options["devices"])
    import keras
    import numpy as np

    from ssgan import data
    from ssgan.options import Config
    from ssgan.training import build as recipe
    from ssgan.training import sources
    from ssgan.workers import start

    workers = start("mirrored" if options["devices"] > 1 else "auto")
    file = Path(options["file"])
    is_counted = file.suffix == ".json"
    shared: dict[str, Any] = {"train_images": 600, "validation": 0, "unlabeled_start": 0.0, "precision": "float32"}
    config = Config(
        **{"dataset": "street_digits", **shared, **({} if is_counted else SMALL), **RECIPES[options["recipe"]]}
    )
    images = data.load("street_digits", "train", limit=600)
    config, mask, _ = sources.choose_labels(config, images)
    keras.utils.set_random_seed(0)
    with workers.strategy.scope():
        gan = recipe.build(config, image_shape=images.image_shape, num_classes=images.num_classes, steps=STEPS)
        kept = ("d_terms", "g_terms", "updates", "generated_batch", "gan_views", "flip", "shift", "augment")
        given = {name: getattr(gan, name) for name in kept}
        gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), **given)
    gan.initialize_from_data(images.read(np.arange(500)))
    workers.send_state(gan.state())
    before = arrays(gan)

    def batches(**more):
        return recipe.batches(config, images, mask, unlabeled=np.arange(len(images)), **{"steps": STEPS, **more})

    if is_counted:
        file.write_text(json.dumps(exchanged(gan, workers, batches)))
        return
    gan.fit(workers.batches(batches, start=0), steps_per_epoch=STEPS, shuffle=False, verbose=0)
    if workers.is_chief:
        after = {f"after/{name}": value for name, value in arrays(gan).items()}
        np.savez(file, **{f"before/{name}": value for name, value in before.items()}, **after)


def arrays(gan) -> dict[str, Any]:
    """Returns weights, batch statistics and moving averages by name."""
    import numpy as np

    named = {name: np.asarray(variable) for name, variable in gan.state().items()}
    owners = ("discriminator/", "generator/", "ema_")
    return {name: array for name, array in named.items() if name.startswith(owners) and array.dtype.kind == "f"}


def exchanged(gan, workers, batches) -> dict[str, int]:
    """Returns how many times the replicas wait for each other in a step, and the bytes that each gives into it."""
    import functools

    step = functools.partial(gan.train_step_of, gan.step_kind())
    compiled = gan._compiled(step).get_concrete_function(next(iter(workers.batches(batches, start=0))))
    sizes = [
        node.inputs[0].shape.num_elements() * node.inputs[0].dtype.size
        for node in compiled.graph.get_operations()
        if node.type.startswith("CollectiveReduce") and "CPU:0" in (node.device or "CPU:0")
    ]
    weights = sum(variable.shape.num_elements() for variable in gan.trainable_variables)
    return {"exchanges": len(sizes), "bytes": sum(sizes), "weights": weights}


if __name__ == "__main__":
    main()
