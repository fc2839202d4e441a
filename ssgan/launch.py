"""Starts a command as several workers on this machine, to try a training on several machines.

  python -m ssgan.launch --workers=2 -- python -m ssgan.train --images=FOLDER

Each worker gets a TF_CONFIG that names all of them. Ctrl-C and SIGTERM reach every worker; when one of them fails, the
others end themselves, or are ended. The status is that of the first that failed.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from ssgan.cluster import TF_CONFIG, Cluster
from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags

_PATIENCE = 90.0  # seconds that the others have, to notice and to end themselves


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchConfig:
    """The options of `python -m ssgan.launch`."""

    command: tuple[str, ...] = option((), "The command of each worker, behind --.")
    workers: int = option(2, "Number of workers.", low=1, high=64)

    def __post_init__(self):
        check(LaunchConfig, "workers", self.workers, shown_as="--workers")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; exits with the status of the first worker that failed, or 0."""
    options = parse_flags(LaunchConfig, sys.argv if argv is None else argv, usage=__doc__, positional="command")
    run_command(_exit_as_workers, options, tensorflow=False)


def launch(options: LaunchConfig) -> int:
    """Starts the workers and waits for their end.

    Returns:
        The status of the first that failed, 128 + the number of a signal that ended it; 0 if none failed.

    Raises:
        UsageError: if there is no command, or it cannot be started.
    """
    if not options.command:
        raise UsageError("no command; expected one behind --, such as: --workers=2 -- python -m ssgan.train")
    received: list[int] = []
    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in ending}
    processes: list[subprocess.Popen] = []
    try:
        for cluster in on_this_machine(options.workers):
            environment = {**os.environ, TF_CONFIG: cluster.as_tf_config()}
            # In a group of its own, a worker gets the terminal's Ctrl-C from here alone: a second one would not save.
            processes.append(subprocess.Popen(options.command, env=environment, process_group=0))
        return _wait(processes, received)
    except OSError as error:
        raise UsageError(f"{options.command[0]!r} cannot be started: {error}") from error
    finally:
        _send(processes, signal.SIGKILL)
        for process in processes:
            process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def on_this_machine(workers: int) -> list[Cluster]:
    """Returns so many workers of this machine, on ports that are free."""
    sockets = [socket.socket() for _ in range(workers)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    names = tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)
    for one in sockets:
        one.close()
    return [Cluster(workers=names, index=index) for index in range(workers)]


def _exit_as_workers(options: LaunchConfig) -> None:
    raise SystemExit(launch(options))


def _wait(processes: Sequence[subprocess.Popen], received: list[int]) -> int:
    """Returns the status of the first process that failed, when all have ended or the others' time is over.

    Passes on the signals that are received before and meanwhile.
    """
    first, deadline = 0, float("inf")
    while time.monotonic() < deadline:
        while received:
            _send(processes, received.pop(0))
        statuses = [process.poll() for process in processes]
        failed = [status for status in statuses if status]
        if failed and not first:
            first = failed[0] if failed[0] > 0 else 128 - failed[0]
            deadline = time.monotonic() + _PATIENCE
        if None not in statuses:
            break
        time.sleep(0.1)
    return first


def _send(processes: Sequence[subprocess.Popen], number: int) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


if __name__ == "__main__":
    main()
