"""What every measured process shares: its options, its clock, its report. Only Python's own library."""

import json
import resource
import sys
import time
from collections.abc import Callable

WARM_UP = 3  # steps before the clock counts: compilation, primitives of oneDNN, first memory


def main(measure: Callable[..., dict]) -> None:
    """Calls `measure` with the options of the command line, a JSON object, and prints its report as one line."""
    report = measure(**json.loads(sys.argv[1]))
    report["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # kibibytes on Linux
    print("\n" + json.dumps(report), flush=True)


def seconds_per_step(step: Callable[[], object], *, steps: int) -> list[float]:
    """Returns the wall time of each of `steps` calls after the warm-up, seconds."""
    stamps = []
    for _ in range(WARM_UP + steps):
        stamps.append(time.perf_counter())
        step()
    return differences([*stamps, time.perf_counter()])


def differences(stamps: list[float]) -> list[float]:
    """Returns the seconds between the stamps, without those of the warm-up; the last stamp is the end."""
    return [later - earlier for earlier, later in zip(stamps, stamps[1:], strict=False)][WARM_UP:]
