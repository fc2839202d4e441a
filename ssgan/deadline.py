"""An end for what waits for ever: a worker that is stuck, but alive, keeps all others waiting for its part."""

import os
import sys
import threading
from collections.abc import Callable

from ssgan.output import one_line

LIMIT = 60.0  # seconds that a step, and what the chief does after it, may take
LONG_LIMIT = 600.0  # where a worker traces and compiles a step, reads a checkpoint, or saves what a finished run has


def end_after(seconds: float, told: str, *, end: Callable[[int], None] = os._exit) -> threading.Timer:
    """Returns a running clock that ends the process, with a line and status 1, unless it is cancelled in time.

    Args:
        seconds: until then.
        told: the line.
        end: ends the process with a status, whatever its main thread waits for.
    """

    def stop() -> None:
        print(one_line(f"stopped: {told}"), file=sys.stderr, flush=True)
        end(1)

    clock = threading.Timer(seconds, stop)
    clock.daemon = True
    clock.start()
    return clock
