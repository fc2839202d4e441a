"""Two processes train one run, under `ssgan.launch`: one is killed, then one is told to stop; one process goes on."""

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
    *("--dataset=street_digits", "--train_images=300", "--labels=100", "--validation=50", "--arch=tiny"),
    *("--hidden_noise=0", "--precision=float32", "--deterministic"),
    *("--labeled_batch=4", "--unlabeled_batch=4", "--generated_batch=4", "--generator_width=1", "--latent_dim=4"),
    *("--unlabeled_start=0", "--pseudo_label_weight=0", "--gan_views=strong", "--augment=none", "--optimizer=adam"),
    *("--learning_rate=1e-5", "--total_steps=30", "--log_every=5", "--checkpoint_every=5", "--keep_checkpoints=20"),
]


def launch(folder, cache, command, *flags):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-m", "ssgan.launch", "--", sys.executable, "-m", f"ssgan.{command}", *flags]
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **kept)


def interrupted(launched, folder, step, number):
    """Sends a signal to the second worker once a step is saved; returns status, output, errors and saved steps."""
    while launched.poll() is None and step not in saved_steps(folder):
        time.sleep(0.02)
    os.kill(_children(launched.pid)[1], number)
    out, err = launched.communicate(timeout=300)
    return launched.returncode, out, err, saved_steps(folder)


def saved_steps(folder):
    return sorted(int(path.name[5:]) for path in (folder / run.CHECKPOINTS).glob("step_?????????"))


def state_at(folder, step):
    return checkpoint.load(folder / run.CHECKPOINTS / f"step_{step:09d}").arrays


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def straight(folder, cache):
    """A run of two workers from its first step to its last."""
    launched = launch(folder, cache, "train", *FLAGS, "--run_dir=straight")
    out, err = launched.communicate(timeout=300)
    assert launched.returncode == 0, err
    assert "2 replicas, of 2 workers" in out and out.count("step 5/30") == 1  # the chief alone speaks
    return folder / "straight"


@pytest.fixture(scope="module")
def killed(folder, cache):
    """A run of two workers of whom the second got SIGKILL."""
    return interrupted(launch(folder, cache, "train", *FLAGS, "--run_dir=run"), folder / "run", 5, signal.SIGKILL)


@pytest.fixture(scope="module")
def stopped(folder, cache, killed):
    """That run resumed by two workers of whom the second got SIGTERM."""
    launched = launch(folder, cache, "train", "--resume", "--run_dir=run")
    return interrupted(launched, folder / "run", killed[3][-1] + 5, signal.SIGTERM)


@pytest.fixture(scope="module")
def trained(folder, cache, stopped):
    """That run ended by this process alone."""
    return here(folder, cache, "train", "--resume", "--run_dir=run", "--distribute=none", "--nodeterministic")


def _children(pid: int) -> list[int]:
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_a_worker_that_is_killed_ends_the_other_with_one_line(killed):
    status, _, err, _ = killed
    assert status == 128 + signal.SIGKILL
    (told,) = err.splitlines()
    assert told.startswith("stopped: another worker ended or cannot be reached, ") and "go on with, on every" in told


def test_a_signal_to_one_worker_ends_all_after_the_same_step(stopped):
    status, _, err, steps = stopped
    assert status == 128 + signal.SIGTERM, err
    told = re.findall(
        r"^(worker 1: )?stopped: SIGTERM at step (\d+) of 30, which is saved; go on with, on every", err, re.M
    )
    assert len(told) == 2 and {name for name, _ in told} == {"", "worker 1: "}
    assert {int(step) for _, step in told} == {steps[-1]}


def test_two_workers_resume_to_the_very_weights_of_a_straight_run(folder, straight, killed, stopped):
    step = stopped[3][-1] // 5 * 5
    assert step > killed[3][-1]
    found, expected = state_at(folder / "run", step), state_at(straight, step)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_one_process_goes_on_with_what_two_began_and_ends_as_they_would_have(folder, straight, trained):
    assert trained.returncode == 0, trained.stderr
    assert "replicas 2 -> 1" in trained.stdout
    found, expected = state_at(folder / "run", 30), state_at(straight, 30)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if not name.startswith("metric_"):
            np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=2e-5, err_msg=name)


def test_history_and_files_are_those_of_a_straight_run(folder, straight, trained):
    tables = ((one / "history.csv").read_text().splitlines() for one in (folder / "run", straight))
    rows, expected = (list(csv.DictReader(table)) for table in tables)
    assert [row["step"] for row in rows] == ["5", "10", "15", "20", "25", "30"]
    for row, other in zip(rows, expected, strict=True):
        assert {name: float(row[name]) for name in other if name != "seconds"} == pytest.approx(
            {name: float(value) for name, value in other.items() if name != "seconds"}, rel=2e-2, abs=2e-2, nan_ok=True
        )
    names, others = (
        {str(path.relative_to(one)) for path in one.rglob("*") if {"tensorboard", "checkpoints"}.isdisjoint(path.parts)}
        for one in (folder / "run", straight)
    )
    assert names == others
    assert json.loads((folder / "run" / run.SUMMARY).read_text())["steps"] == 30


def test_two_workers_evaluate_a_run_as_one_process_does(folder, cache, straight):
    launched = launch(folder, cache, "eval", "--run=straight", "--samples=0")
    out, err = launched.communicate(timeout=300)
    assert launched.returncode == 0, err
    both = json.loads((straight / "metrics.json").read_text())
    alone = here(folder, cache, "eval", "--run=straight", "--samples=0")
    assert alone.returncode == 0, alone.stderr
    expected = json.loads((straight / "metrics.json").read_text())
    assert both["test_error"] == pytest.approx(expected["test_error"], abs=2e-3)
    assert (
        len(out.splitlines()) == len(alone.stdout.splitlines()) + 1
    )  # the chief alone speaks, and waits for the other
