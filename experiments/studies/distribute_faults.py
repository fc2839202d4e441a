"""Runs of two processes of which one is killed or stopped, and what they end in once they are resumed.

Started by `distribute --only faults`. All checkpoints are kept, so that of a run that ends in other weights than the
straight one it can be said where they part; its folder is left behind.
"""

import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.common import processes
from ssgan.cluster import TF_CONFIG
from ssgan.determinism import SWITCH
from ssgan.launch import on_this_machine

STEPS, EVERY = 60, 5
TRAIN = [sys.executable, "-m", "ssgan.train"]
STUCK_AT = 20
STUCK = f"""
import functools, sys, time
import keras
from ssgan import train

class Sleep(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(600 if self.model.step == {STUCK_AT} else 0)

train.train = functools.partial(train.train, callbacks=[Sleep()])
train.main()
"""
TINY = [
    *("--dataset=street_digits", "--train_images=300", "--labels=100", "--validation=50", "--arch=tiny"),
    *("--labeled_batch=4", "--unlabeled_batch=4", "--generated_batch=4", "--generator_width=1", "--latent_dim=4"),
    *("--unlabeled_start=0", "--pseudo_label_weight=0", "--gan_views=strong", "--augment=none", "--precision=float32"),
    *(f"--total_steps={STEPS}", "--log_every=10", f"--checkpoint_every={EVERY}", "--keep_checkpoints=20"),
    "--deterministic",
]
WITHOUT_NOISE = ["--hidden_noise=0", "--dropout=0"]
LARGEST = 5  # arrays that are named


def faults(work: Path) -> list[dict[str, Any]]:
    """Returns what happened to runs of two processes of which one was killed or stopped, and how they ended."""
    rng = random.Random(0)
    straight = _straight(work / "straight")
    rows = [{"fault": "none", **_kept_if_different(_straight(work / "again"), straight)}]
    for number, fault in enumerate([signal.SIGKILL] * 5 + [signal.SIGSTOP]):
        victim = 1 if fault == signal.SIGSTOP else rng.randrange(2)
        rows.append(_hit(work / f"fault_{number}", straight, fault, victim, rng))
        print(rows[-1], flush=True)
    rows.append(_sleeps(work / "sleep", straight))
    print(rows[-1], flush=True)
    for number, further in enumerate(([], WITHOUT_NOISE)):
        run = work / f"two_then_one_{number}"
        rows.append(_two_then_one(run, _straight(work / f"two_{number}", *further) if further else straight, further))
        print(rows[-1], flush=True)
    return rows


def _straight(run: Path, *further: str) -> Path:
    """Trains on two processes from the first step to the last; returns the run's folder."""
    _ended(_start(run, *TINY, *further), run)
    return run


def _hit(run: Path, straight: Path, fault: signal.Signals, victim: int, rng: random.Random) -> dict[str, Any]:
    """Kills or stops one of two workers after a random step, resumes the run, and compares its end."""
    workers = _start(run, *TINY)
    step = rng.choice(range(EVERY, STEPS - 10, EVERY))
    _wait_for(run, step, workers)
    time.sleep(rng.uniform(0, 0.3))
    workers[victim].send_signal(fault)
    return {"fault": fault.name, "worker": victim, "after_step": step, **_outlived(run, straight, workers, victim)}


def _sleeps(run: Path, straight: Path) -> dict[str, Any]:
    """Has one of two workers sleep, while its connections are alive; resumes the run, and compares its end."""
    workers = _start(run, *TINY, of_second=[sys.executable, "-c", STUCK])
    _wait_for(run, STUCK_AT - EVERY, workers)
    return {"fault": "a sleep", "worker": 1, "after_step": STUCK_AT, **_outlived(run, straight, workers, 1)}


def _outlived(run: Path, straight: Path, workers: Sequence[subprocess.Popen], victim: int) -> dict[str, Any]:
    """Waits for the end of the worker that was not hit, ends the other, resumes the run, and compares its end."""
    begin = time.monotonic()
    status = workers[1 - victim].wait(timeout=120)
    noticed = time.monotonic() - begin
    workers[victim].kill()
    workers[victim].wait()
    told = re.findall(r"^.*stopped: .*$", _printed(run, 1 - victim), re.MULTILINE)
    _ended(_start(run, "--resume"), run)
    return {
        **{"noticed_after_seconds": round(noticed, 1), "status": status, "lines": len(told)},
        **_kept_if_different(run, straight),
    }


def _two_then_one(run: Path, straight: Path, further: Sequence[str]) -> dict[str, Any]:
    """Begins a run on two processes, ends it on one, and compares its end with that of two."""
    workers = _start(run, *TINY, *further)
    _wait_for(run, STEPS // 2, workers)
    workers[0].send_signal(signal.SIGTERM)
    status = [worker.wait(timeout=120) for worker in workers][0]
    # What is deterministic on two is not promised on one.
    _ended(_start(run, "--resume", "--nodeterministic", "--distribute=none", workers=1), run)
    return {"fault": "two, then one", "options": list(further), "status": status, **compared(run, straight)}


def compared(run: Path, straight: Path) -> dict[str, Any]:
    """Returns how far a finished run is from another, and where they part.

    Returns:
        The largest differences at the end, of `difference`, weights and batch statistics, of `averages`, and of `rest`:
        moments, seeds and counters; where one is not 0 also the names of those that differ most, the first step whose
        checkpoints differ, and the step that the run was resumed from.
    """
    from ssgan.store import checkpoint

    def differences(step: int) -> dict[str, float]:
        one, two = (checkpoint.load(_checkpoint(folder, step)).arrays for folder in (run, straight))
        return {name: _distance(one[name], two[name]) for name in one if not name.startswith("metric_")}

    last = differences(STEPS)
    found: dict[str, Any] = grouped(last)
    if not any(last.values()):
        return found
    steps = [step for step in range(0, STEPS + 1, EVERY) if _checkpoint(run, step).exists()]
    resumed = re.findall(r"resumed from the checkpoint of step (\d+)", _printed(run, 0))
    return {
        **found,
        "largest": sorted(((name, by) for name, by in last.items() if by), key=lambda pair: -pair[1])[:LARGEST],
        "first_different_step": next(step for step in steps if any(differences(step).values())),
        "resumed_from_step": int(resumed[-1]) if resumed else None,
    }


def _kept_if_different(run: Path, straight: Path) -> dict[str, Any]:
    """Compares runs that should be the same; of those that are not, folders and logs are kept in a new folder."""
    found = compared(run, straight)
    if "largest" in found:
        kept = Path(tempfile.mkdtemp(prefix="ssgan_differs_"))
        for path in (run, straight):
            shutil.copytree(path, kept / path.name)
            for log in path.parent.glob(f"{path.name}.worker_*"):
                shutil.copy(log, kept)
        print(f"{run.name} differs from {straight.name}; they are kept in {kept}", flush=True)
    return found


def grouped(differences: Mapping[str, float]) -> dict[str, float]:
    """Returns the largest of the differences of a state's arrays, by what they are."""
    found = {"difference": 0.0, "averages": 0.0, "rest": 0.0}
    for name, by in differences.items():
        owner = name.split("/")[0]
        if owner.startswith("ema_"):
            group = "averages"
        else:
            group = "difference" if owner in ("discriminator", "generator") and "seed" not in name else "rest"
        found[group] = max(found[group], by)
    return found


def _distance(one: Any, other: Any) -> float:
    return float(abs(one.astype("float64") - other).max())


def _start(run: Path, *flags: str, workers: int = 2, of_second: Sequence[str] = TRAIN) -> list[subprocess.Popen]:
    """Starts the workers of a run; what each of them prints is kept beside its folder."""
    started = []
    for cluster in on_this_machine(workers):
        environment = {**processes.environment(), SWITCH: "0", TF_CONFIG: cluster.as_tf_config()}
        with open(_log(run, cluster.index), "a") as log:
            command = [*(of_second if cluster.index else TRAIN), *flags, f"--run_dir={run}"]
            started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment))
    return started


def _ended(workers: Sequence[subprocess.Popen], run: Path) -> None:
    """Waits for workers, of whom none may fail."""
    for index, worker in enumerate(workers):
        if status := worker.wait():
            processes.fail(f"worker {index} of {run.name}", status, _printed(run, index))


def _wait_for(run: Path, step: int, workers: Sequence[subprocess.Popen]) -> None:
    while not _checkpoint(run, step).exists():
        if any(worker.poll() is not None for worker in workers):
            _ended(workers, run)
            raise AssertionError(f"{run.name} ended before step {step}")
        time.sleep(0.01)


def _printed(run: Path, index: int) -> str:
    return _log(run, index).read_text()


def _log(run: Path, index: int) -> Path:
    return run.with_name(f"{run.name}.worker_{index}.txt")


def _checkpoint(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step_{step:09d}"
