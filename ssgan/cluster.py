"""The workers of a training on several machines: processes of one command, as `TF_CONFIG` or Slurm name them."""

import contextlib
import dataclasses
import json
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping

from ssgan.errors import UsageError

TF_CONFIG = "TF_CONFIG"
_EXPECTED = '{"cluster": {"worker": ["host:port", "host:port"]}, "task": {"type": "worker", "index": 0}}'
_FIRST_PORT = 20_000  # of Slurm's jobs, of which each takes others


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """The workers, and which of them this process is.

    Attributes:
        workers: `host:port` of each, as the others reach it.
        index: number of this one, from 0.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether it is the first worker, which alone writes the run."""
        return self.index == 0

    def as_tf_config(self) -> str:
        """Returns the value of `TF_CONFIG` for this worker."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.workers)}, "task": task})


def find(distribute: str, environ: Mapping[str, str] = os.environ) -> Cluster | None:
    """Returns the workers that the option `distribute` asks for, or None where this process trains by itself.

    Args:
        distribute: `auto`, `none`, `mirrored` or `multi_worker`.
        environ: the environment.

    Raises:
        UsageError: for a `TF_CONFIG` that is wrong, and where several workers are asked for and nothing names them.
    """
    if distribute in ("none", "mirrored"):
        return None
    if environ.get(TF_CONFIG):
        return from_tf_config(environ[TF_CONFIG])
    if distribute == "auto":
        return None
    if "SLURM_PROCID" in environ:
        return from_slurm(environ)
    raise UsageError(
        f"--distribute=multi_worker: neither {TF_CONFIG} nor Slurm names the workers; start them with ssgan-launch or "
        f"srun, set {TF_CONFIG}, or train on one machine with --distribute=none"
    )


@contextlib.contextmanager
def ending_at_once(distribute: str) -> Iterator[None]:
    """Ends the process, where it is one of several workers, with the status with which a command would exit.

    What TensorFlow does on its way out may wait for the others, of whom some may be gone.
    """
    try:
        alone = find(distribute) is None
    except UsageError:
        alone = True  # the command says so in its words
    if alone:
        yield
        return
    status: int = 0
    try:
        yield
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        status = 1
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def from_tf_config(text: str) -> Cluster:
    """Returns the workers that a `TF_CONFIG` names; a chief that it names apart is the first of them.

    Raises:
        UsageError: for another text than that of a worker.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"no JSON ({error})") from error
    cluster, task = (found.get(key) if isinstance(found, dict) else None for key in ("cluster", "task"))
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _wrong("without a cluster or a task")
    if other := cluster.keys() - {"chief", "worker"}:
        raise _wrong(f"with {', '.join(map(str, other))} in its cluster; workers are all that there is")
    chiefs, others = ([] if (named := cluster.get(kind)) is None else named for kind in ("chief", "worker"))
    if not (isinstance(chiefs, list) and isinstance(others, list)) or len(chiefs) > 1 or not chiefs + others:
        raise _wrong(f"with the cluster {cluster}")
    for worker in chiefs + others:
        port = re.fullmatch(r"[^\s/]+:(\d{1,5})", worker) if isinstance(worker, str) else None
        if port is None or not 0 < int(port[1]) < 2**16:
            raise _wrong(f"with the worker {worker!r}")
    if len(set(chiefs + others)) < len(chiefs + others):
        raise _wrong("with a worker that is named twice")
    kind, index = task.get("type"), task.get("index")
    of_kind = {"chief": chiefs, "worker": others}.get(kind) if isinstance(kind, str) else None
    if of_kind is None or type(index) is not int or not 0 <= index < len(of_kind):
        raise _wrong(f"with the task {task}, which its cluster does not have")
    return Cluster(workers=tuple(chiefs + others), index=index + (len(chiefs) if kind == "worker" else 0))


def from_slurm(environ: Mapping[str, str]) -> Cluster:
    """Returns the workers of a job step of Slurm: one for each task, in the order of their numbers.

    The ports follow from the number of the job, so that two jobs on one host take others.

    Raises:
        UsageError: if the environment is not that of `srun`.
    """
    try:
        nodes = hosts(environ["SLURM_STEP_NODELIST"])
        per_node = _tasks_per_node(environ["SLURM_STEP_TASKS_PER_NODE"])
        index, job = int(environ["SLURM_PROCID"]), int(environ["SLURM_JOB_ID"])
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"--distribute=multi_worker: the environment of Slurm lacks {error} or has another form; start with srun, "
            f"or set {TF_CONFIG}"
        ) from error
    port = _FIRST_PORT + job % 20_000
    workers = [f"{node}:{port + task}" for node, tasks in zip(nodes, per_node, strict=False) for task in range(tasks)]
    if len(nodes) != len(per_node) or not 0 <= index < len(workers):
        raise UsageError(f"--distribute=multi_worker: Slurm's nodes {nodes} do not fit its tasks {per_node}; see srun")
    return Cluster(workers=tuple(workers), index=index)


def hosts(text: str) -> list[str]:
    """Returns the hosts of a list as Slurm writes it: `a,node[08-10,12]` is a, node08, node09, node10, node12.

    Raises:
        ValueError: for another form.
    """
    found: list[str] = []
    for part in re.findall(r"[^,\[]+(?:\[[^\]]*\])?[^,\[]*", text):
        match = re.fullmatch(r"([^\[\]]*)\[([\d,-]+)\]([^\[\]]*)", part)
        if match is None and re.search(r"[\[\]]", part):
            raise ValueError(f"the hosts {text!r}")
        before, numbers, behind = match.groups() if match else (part, "", "")
        for one in numbers.split(","):
            first, _, last = one.partition("-")
            ends = range(int(first), int(last or first) + 1) if first else [None]
            found += [before + (str(end).zfill(len(first)) if end is not None else "") + behind for end in ends]
    return found


def _tasks_per_node(text: str) -> list[int]:
    """Returns the tasks of each node: `2(x3),1` is 2, 2, 2, 1."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(f"the tasks {text!r}")
        found += [int(match[1])] * int(match[2] or 1)
    return found


def _wrong(how: str) -> UsageError:
    return UsageError(f"{TF_CONFIG} is {how[:300]}; expected {_EXPECTED}, or {TF_CONFIG} unset")
