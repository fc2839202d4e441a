"""What the machine is, and which arithmetic suits it."""

import functools
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import ssgan
from ssgan.cores import available_cores


def precision(option: str) -> str:
    """Returns `float32` or `bfloat16`: what `auto` means on this machine, other options as they are.

    `auto` takes bfloat16 where there are units for it: AMX or AVX-512 BF16 on x86 CPUs (with the latter, a training
    step takes two thirds of its float32 time), GPUs from compute capability 8.0 on. On CPUs it is oneDNN that uses
    them: without it, as with `--deterministic`, bfloat16 would be slower than float32.
    """
    if option != "auto":
        return option
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "bfloat16" if capability >= (8, 0) else "float32"
    units = {"amx_bf16", "avx512_bf16"} & set(_cpu_info("flags").split())
    return "bfloat16" if units and onednn() else "float32"


def dtype_policy(precision: str) -> str:
    """Returns the Keras dtype policy of the networks for `float32` or `bfloat16`."""
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


@functools.cache
def onednn() -> bool:
    """Tells whether TensorFlow computes with oneDNN on the CPU.

    A convolution shows it: the environment variable that decides may have been changed since TensorFlow read it.
    """
    with tf.Graph().as_default(), tf.device("CPU"):
        images = tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 1])
        kernels = tf.compat.v1.placeholder(tf.float32, [3, 3, 1, 1])
        convolution = tf.nn.conv2d(images, kernels, strides=1, padding="SAME")
        options = tf.compat.v1.RunOptions(output_partition_graphs=True)
        found = tf.compat.v1.RunMetadata()
        feed = {tensor: np.zeros(tensor.shape) for tensor in (images, kernels)}
        config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
        # The first session of a process sets how many threads compute in it.
        config.intra_op_parallelism_threads = tf.config.threading.get_intra_op_parallelism_threads()
        with tf.compat.v1.Session(config=config) as session:
            session.run(convolution, feed, options, found)
    return any(node.op.startswith("_Mkl") for graph in found.partition_graphs for node in graph.node)


def describe() -> dict[str, str | int]:
    """Returns what a figure of time should be read with: processor, cores, GPU, versions, whether oneDNN is used."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return {
        "processor": _cpu_info("model name") or platform.processor() or platform.machine(),
        "cores": available_cores(),
        "gpu": ", ".join(details.get("device_name", "unknown") for details in gpus) or "none",
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "ssgan": ssgan.__version__,
        "onednn": onednn(),
    }


def _cpu_info(key: str) -> str:
    """Returns the first value of `key` in Linux' /proc/cpuinfo, empty where there is none."""
    file = Path("/proc/cpuinfo")
    for line in file.read_text().splitlines() if file.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
