"""What the machine is, and which arithmetic suits it."""

import os
import platform
from pathlib import Path

import keras
import tensorflow as tf


def precision(option: str) -> str:
    """Returns `float32` or `bfloat16`: what `auto` means on this machine, other options as they are.

    `auto` takes bfloat16 where there are units for it: AMX or AVX-512 BF16 on x86 CPUs (with the latter, a training
    step takes two thirds of its float32 time), GPUs from compute capability 8.0 on.
    """
    if option != "auto":
        return option
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "bfloat16" if capability >= (8, 0) else "float32"
    return "bfloat16" if {"amx_bf16", "avx512_bf16"} & set(_cpu_info("flags").split()) else "float32"


def dtype_policy(precision: str) -> str:
    """Returns the Keras dtype policy of the networks for `float32` or `bfloat16`."""
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


def describe() -> dict[str, str | int]:
    """Returns what a figure of time should be read with: processor, cores, GPU, versions."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return {
        "processor": _cpu_info("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "gpu": ", ".join(details.get("device_name", "unknown") for details in gpus) or "none",
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def _cpu_info(key: str) -> str:
    """Returns the first value of `key` in Linux' /proc/cpuinfo, empty where there is none."""
    file = Path("/proc/cpuinfo")
    for line in file.read_text().splitlines() if file.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
