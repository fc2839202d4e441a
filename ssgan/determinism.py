"""What `--deterministic` asks of TensorFlow beside `enable_op_determinism`, before it is imported."""

import os
import sys

from ssgan.errors import UsageError

SWITCH = "TF_ENABLE_ONEDNN_OPTS"


def turn_off_onednn() -> None:
    """Has TensorFlow, once it is imported, compute without oneDNN.

    Several threads of oneDNN add up a matrix product in the order in which they end, `enable_op_determinism` or not:
    with it, two equal runs part after some steps.

    Raises:
        UsageError: if TensorFlow is imported already, and computes with oneDNN.
    """
    if "tensorflow" in sys.modules:
        from ssgan import hardware

        if hardware.onednn():
            raise UsageError(
                f"deterministic: TensorFlow was imported with oneDNN, whose sums depend on the order in which threads "
                f"end; set the environment variable {SWITCH}=0 before tensorflow or keras is imported"
            )
        return
    if (given := os.environ.get(SWITCH, "0")) != "0":
        print(f"*** {SWITCH}={given} is not followed: --deterministic needs 0 ***", flush=True)
    os.environ[SWITCH] = "0"
