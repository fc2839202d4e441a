"""Two processes train one run: real ones, under `ssgan.launch`, of which one is told to stop; one process goes on."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ssgan.store import checkpoint, run
from tests.test_cli import ROOT, here

FLAGS = [
    "--dataset=street_digits",
    *(
        "--train_images=300",
        "--labels=100",
        "--validation=50",
        "--arch=tiny",
        "--hidden_noise=0",
        "--precision=float32",
    ),
    *("--labeled_batch=4", "--unlabeled_batch=4", "--generated_batch=4", "--generator_width=1", "--latent_dim=4"),
    *("--unlabeled_start=0", "--pseudo_label_weight=0", "--gan_views=strong", "--augment=none", "--optimizer=adam"),
    *("--learning_rate=1e-5", "--total_steps=20", "--log_every=5", "--checkpoint_every=5", "--run_dir=run"),
]


@pytest.fixture(scope="module")
def trained(cache, tmp_path_factory):
    """A run begun by two workers, the second of which got SIGTERM, and ended by this process; and what was said."""
    folder = tmp_path_factory.mktemp("workers")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-m", "ssgan.launch", "--", sys.executable, "-m", "ssgan.train", *FLAGS]
    launched = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while launched.poll() is None and not (folder / "run" / run.CHECKPOINTS / "step_000000005").exists():
        time.sleep(0.05)
    workers = _children(launched.pid)
    os.kill(workers[1], signal.SIGTERM)
    out, err = launched.communicate(timeout=120)
    steps = sorted(path.name for path in (folder / "run" / run.CHECKPOINTS).iterdir())
    alone = here(folder, cache, "train", "--resume", "--run_dir=run", "--distribute=none")
    return folder / "run", launched.returncode, out, err, steps, alone


@pytest.fixture(scope="module")
def straight(cache, tmp_path_factory):
    """The same run, from its first step to its last on one device."""
    folder = tmp_path_factory.mktemp("straight")
    done = here(folder, cache, "train", *FLAGS)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def _children(pid: int) -> list[int]:
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_a_signal_to_one_worker_ends_all_after_the_same_step(trained):
    _, status, out, err, steps, _ = trained
    assert status == 128 + signal.SIGTERM, err
    told = re.findall(
        r"^(worker 1: )?stopped: SIGTERM at step (\d+) of 20, which is saved; go on with, on every", err, re.M
    )
    assert len(told) == 2 and {name for name, _ in told} == {"", "worker 1: "}
    assert len({step for _, step in told}) == 1 and steps[-1] == f"step_{int(told[0][1]):09d}"
    assert "2 replicas, of 2 workers" in out and out.count("step 5/20") == 1  # the chief alone speaks


def test_one_process_goes_on_with_what_two_began_and_ends_as_one_would_have(trained, straight):
    folder, *_, alone = trained
    assert alone.returncode == 0, alone.stderr
    assert "resumed from the checkpoint of step " in alone.stdout
    found, expected = (checkpoint.load(one / run.CHECKPOINTS / "step_000000020").arrays for one in (folder, straight))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if not name.startswith("metric_"):
            np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=2e-5, err_msg=name)


def test_history_and_files_are_those_of_one_process(trained, straight):
    folder, *_ = trained
    tables = ((one / "history.csv").read_text().splitlines() for one in (folder, straight))
    rows, expected = (list(csv.DictReader(table)) for table in tables)
    assert [row["step"] for row in rows] == ["5", "10", "15", "20"]
    for row, other in zip(rows, expected, strict=True):
        assert {name: float(row[name]) for name in other if name != "seconds"} == pytest.approx(
            {name: float(value) for name, value in other.items() if name != "seconds"}, rel=2e-2, abs=2e-2, nan_ok=True
        )
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if "tensorboard" not in path.parts}
    assert names >= {str(path.relative_to(straight)) for path in straight.rglob("*") if "tensorboard" not in path.parts}
    assert json.loads((folder / run.SUMMARY).read_text())["steps"] == 20
