"""Runs that are interrupted go on as if they had not been: real processes, real signals."""

import csv
import dataclasses
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ssgan import data, determinism, hardware
from ssgan.errors import Stopped, UsageError
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.store import checkpoint, run
from ssgan.terms import supervised
from ssgan.train import train
from ssgan.training import build as recipe
from ssgan.training import loop as fit
from ssgan.training.signals import Signals
from tests.test_cli import ROOT, TINY, call, here

STEPS = 30
OF_EVERY_KIND = ["--arch=small", "--augment=photo", "--unlabeled_start=0.2", "--gan_every=2"]
FLAGS = [*TINY, *OF_EVERY_KIND, f"--total_steps={STEPS}", "--log_every=10", "--checkpoint_every=4", "--deterministic"]


@pytest.fixture(scope="module")
def straight(cache, tmp_path_factory) -> Path:
    """A run that was never interrupted."""
    folder = tmp_path_factory.mktemp("straight")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(determinism.SWITCH, "1")  # on every processor oneDNN is to be turned off
        done = call(folder, cache, "train", *FLAGS, "--run_dir=run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^9 checkpoints of \d\.\d MB, \d\.\d\d s each$", done.stdout, re.MULTILINE)
    return folder / "run"


def begin(folder: Path, cache: Path, *flags: str, until: int = 4) -> subprocess.Popen:
    """Starts training in the background and waits until a step is saved."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-m", "ssgan.train", "--run_dir=run", *(flags or FLAGS)]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (folder / "run" / run.CHECKPOINTS / f"step_{until:09d}").exists():
        time.sleep(0.01)
    return process


def final_state(folder: Path) -> dict[str, np.ndarray]:
    return checkpoint.load(folder / run.CHECKPOINTS / f"step_{STEPS:09d}").arrays


def history(folder: Path) -> list[dict[str, str]]:
    with open(folder / "history.csv") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def scalars(folder: Path) -> list[tuple[int, str]]:
    import tensorflow as tf

    (file,) = (folder / "tensorboard").iterdir()
    events = tf.compat.v1.train.summary_iterator(str(file))
    return [(event.step, value.tag) for event in events for value in event.summary.value]


def test_an_interrupted_run_ends_in_the_very_same_weights(straight, cache, tmp_path):
    folder = tmp_path / "run"
    for number, step, flags in ((signal.SIGTERM, 4, []), (signal.SIGINT, 12, ["--resume"]), (9, 20, ["--resume"])):
        process = begin(tmp_path, cache, *flags, until=step)
        process.send_signal(number)
        _, said = process.communicate()
        if number == signal.SIGKILL:
            assert process.returncode == -number
        else:
            assert process.returncode == 128 + number
            assert f"stopped: {number.name} at step " in said and "--resume --run_dir=run" in said
        assert not (folder / run.SUMMARY).exists()
    done = call(tmp_path, cache, "train", "--resume", "--run_dir=run")
    assert done.returncode == 0, done.stderr
    assert f"of {STEPS}" in done.stdout and "resumed from the checkpoint of step " in done.stdout

    expected, found = final_state(straight), final_state(folder)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert history(folder) == history(straight) and len(history(folder)) == 3
    assert scalars(folder) == scalars(straight)
    assert {path.name for path in folder.rglob("*")} - {path.name for path in straight.rglob("*")} <= {
        path.name for path in (folder / "tensorboard").iterdir()
    }
    for grid in (straight / "samples").iterdir():
        assert (folder / "samples" / grid.name).read_bytes() == grid.read_bytes()


def test_a_deterministic_run_is_computed_without_onednn(straight):
    about = json.loads((straight / run.ABOUT).read_text())
    assert about["deterministic"] is True and about["onednn"] is False


@pytest.fixture
def unfinished(straight, tmp_path) -> Path:
    """A copy of the straight run as it was before its end."""
    folder = tmp_path / "run"
    shutil.copytree(straight, folder)
    (folder / run.SUMMARY).unlink()
    shutil.rmtree(folder / run.CHECKPOINTS / f"step_{STEPS:09d}")
    return folder


@pytest.fixture
def resume(cache, tmp_path):
    return functools.partial(call, tmp_path, cache, "train", "--run_dir=run")


@pytest.fixture
def resume_here(cache, tmp_path, monkeypatch):
    """Does what `resume` does in this process, where no step is trained."""
    in_this_process(monkeypatch)
    return functools.partial(here, tmp_path, cache, "train", "--run_dir=run")


def test_the_same_command_on_an_unfinished_run_says_how_to_go_on(unfinished, resume_here):
    done = resume_here(*FLAGS)
    assert done.returncode == 2 and "it holds an unfinished run: add --resume to go on with it" in done.stderr


def test_other_options_data_or_labels_are_refused_with_the_difference(unfinished, resume_here):
    done = resume_here("--resume", "--labels=50", "--learning_rate=0.5", "--log_every=7")
    assert done.returncode == 2 and done.stdout == ""
    assert "--labels=50 (the run: 100), --learning_rate=0.5 (the run: 0.001);" in done.stderr
    about = json.loads((unfinished / run.ABOUT).read_text())
    (unfinished / run.ABOUT).write_text(json.dumps({**about, "digest": "0123"}))
    done = resume_here("--resume")
    assert done.returncode == 2 and "the data or the labels are not those" in done.stderr
    assert f"digest {about['digest']} (the run: 0123)" in done.stderr
    assert [path.name for path in (unfinished / run.CHECKPOINTS).iterdir()] == ["step_000000028"]


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(straight, unfinished, resume):
    path = unfinished / run.CHECKPOINTS / "step_000000028"
    shutil.copytree(path, path.with_name("step_000000029"))  # as if it were newer
    os.truncate(path.with_name("step_000000029") / checkpoint.STATE, 1000)
    done = resume("--resume")
    assert done.returncode == 0 and "*** DAMAGED CHECKPOINT: " in done.stderr
    assert "resumed from the checkpoint of step 28 of 30" in done.stdout
    for name, array in final_state(straight).items():
        np.testing.assert_array_equal(final_state(unfinished)[name], array, err_msg=name)


def test_a_run_that_was_killed_before_its_results_were_written_writes_them(straight, tmp_path, resume_here):
    shutil.copytree(straight, tmp_path / "run")
    for name in (run.SUMMARY, "classifier.keras"):
        (tmp_path / "run" / name).unlink()
    done = resume_here("--resume")
    assert done.returncode == 0 and "resumed from the checkpoint of step 30 of 30" in done.stdout
    before, after = (json.loads((folder / run.SUMMARY).read_text()) for folder in (straight, tmp_path / "run"))
    assert after["steps"] == before["steps"] and 0 < after["train_seconds"] <= before["train_seconds"] + 1
    assert (tmp_path / "run" / "classifier.keras").exists() and history(tmp_path / "run") == history(straight)


def in_this_process(monkeypatch) -> None:
    """Lets a deterministic run go on in this process, whose TensorFlow stays as it is."""
    monkeypatch.setattr("tensorflow.config.experimental.enable_op_determinism", lambda: None)  # it would last
    monkeypatch.setattr(hardware, "onednn", lambda: False)


@pytest.mark.parametrize(
    ("lost", "differing"),
    [
        ({"onednn": True}, "onednn True -> False"),
        ({}, "deterministic not recorded -> True, onednn not recorded -> False"),  # by an earlier version of ssgan
    ],
)
def test_a_checkpoint_made_otherwise_is_resumed_only_without_the_promise(
    unfinished, monkeypatch, capsys, cache, lost, differing
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    in_this_process(monkeypatch)
    (path,) = (unfinished / run.CHECKPOINTS).iterdir()
    saved = checkpoint.load(path)
    versions = {name: value for name, value in saved.about["versions"].items() if name not in fit.TO_THE_BIT}
    versions |= lost and {"deterministic": True, **lost}
    other = dataclasses.replace(saved, step=STEPS, about={**saved.about, "versions": versions})
    checkpoint.save(unfinished / run.CHECKPOINTS, other, keep=1)
    arguments = ["train", "--resume", f"--run_dir={unfinished}"]
    with pytest.raises(UsageError, match=f"step {STEPS} .* was made otherwise: {differing}; .* --nodeterministic"):
        train(parse_flags(Config, arguments, usage="", saved=run.saved_options))
    train(parse_flags(Config, [*arguments, "--nodeterministic"], usage="", saved=run.saved_options))
    assert "-> False" in capsys.readouterr().out and (unfinished / run.SUMMARY).exists()


@pytest.mark.parametrize(
    "changed", [{"rollbacks": "x"}, {"monitor": {}}, {"monitor": {"records": [1], "seconds": 1.0}}]
)
def test_a_forged_checkpoint_is_refused_with_one_line(unfinished, monkeypatch, changed, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    in_this_process(monkeypatch)
    (path,) = (unfinished / run.CHECKPOINTS).iterdir()
    saved = checkpoint.load(path)
    forged = checkpoint.Checkpoint(29, saved.arrays, {**saved.about, **changed})
    checkpoint.save(unfinished / run.CHECKPOINTS, forged, keep=2)
    options = Config.from_json((unfinished / run.OPTIONS).read_text())
    with pytest.raises(UsageError, match="the checkpoint of step 29 in .* was not written by ssgan.train; remove it"):
        train(dataclasses.replace(options, run_dir=str(unfinished), resume=True, deterministic=True))


def test_a_run_without_a_whole_checkpoint_does_not_begin_anew(unfinished, monkeypatch, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    in_this_process(monkeypatch)
    for path in (unfinished / run.CHECKPOINTS).iterdir():
        os.truncate(path / checkpoint.STATE, 1000)
    before, steps = sorted(unfinished.rglob("*")), history(unfinished)
    options = Config.from_json((unfinished / run.OPTIONS).read_text())
    with pytest.raises(UsageError, match="no checkpoint in .* is whole: .*step_000000028/state.npz: found .*at step 0"):
        train(dataclasses.replace(options, run_dir=str(unfinished), resume=True, deterministic=True))
    assert sorted(unfinished.rglob("*")) == before and history(unfinished) == steps


def test_a_finished_run_has_nothing_to_resume(straight, cache):
    done = call(straight.parent, cache, "train", "--resume", "--run_dir=run")
    assert done.returncode == 0 and done.stdout.startswith("run is finished. Test it: ")


@pytest.mark.parametrize("flags", [["--run_dir=absent"], []])
def test_without_a_run_there_is_nothing_to_resume(flags, cache, tmp_path):
    done = call(tmp_path, cache, "train", "--resume", *flags)
    assert done.returncode == 2 and "error: --resume: " in done.stderr and done.stderr.count("\n") == 1


def test_a_second_process_is_refused_while_the_first_trains(unfinished, resume):
    options = Config.from_json((unfinished / run.OPTIONS).read_text())
    with run.opened(dataclasses.replace(options, run_dir=str(unfinished), resume=True), synthetic=True):
        done = resume("--resume")
    assert done.returncode == 2 and "another process is training this run" in done.stderr


def test_a_lock_survives_no_crash_of_its_owner(tmp_path):
    code = (
        "import os; from ssgan.store import run; from ssgan.options import Config\n"
        f"with run.opened(Config(run_dir={str(tmp_path / 'run')!r}), synthetic=False): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 9
    assert (tmp_path / "run" / run.LOCK).exists()
    with run.opened(Config(run_dir=str(tmp_path / "run"), resume=True), synthetic=False):
        pass


def test_the_first_signal_is_remembered_and_a_second_one_ends_the_process():
    code = (
        "import os, signal; from ssgan.training.signals import Signals\n"
        "with Signals() as signals:\n"
        "    os.kill(os.getpid(), signal.{0}); print(signals.received.name, flush=True)\n"
        "    os.kill(os.getpid(), signal.{1}); print('alive')"
    )
    for first, second in (("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(first, second)], cwd=ROOT, capture_output=True, text=True
        )
        assert done.stdout == f"{first}\n" and done.returncode == -signal.SIGINT
    before = signal.getsignal(signal.SIGTERM)
    with Signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.fixture
def options(cache, tmp_path, monkeypatch) -> Config:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.chdir(tmp_path)
    return parse_flags(Config, ["train", *TINY, "--total_steps=6", "--checkpoint_every=2", "--run_dir=run"], usage="")


def spoil_losses(monkeypatch, *calls: int) -> None:
    """Makes the supervised loss NaN the n-th times that it is computed."""
    import tensorflow as tf

    finite, count = supervised.supervised_loss, itertools.count(1)

    def spoiled(*arguments):
        factor = tf.py_function(lambda: float("nan") if next(count) in calls else 1.0, [], tf.float32)
        return finite(*arguments) * tf.ensure_shape(factor, [])

    monkeypatch.setattr(supervised, "supervised_loss", spoiled)


def test_rollback_goes_on_from_the_last_good_checkpoint_with_a_lower_rate(options, monkeypatch, capsys):
    compile_gan, factors = recipe.compile_gan, []

    def recorded(*arguments, rate_factor=1.0, **keywords):
        factors.append(rate_factor)
        compile_gan(*arguments, rate_factor=rate_factor, **keywords)

    monkeypatch.setattr(recipe, "compile_gan", recorded)
    spoil_losses(monkeypatch, 6, 8)  # step 6, then from step 4 on, step 6 again
    folder = train(dataclasses.replace(options, on_nan="rollback"))
    said = capsys.readouterr().out
    assert "d_loss is nan at step 6; going back: the last good checkpoint is of step 4, rollback 2 of 3" in said
    assert factors == [1.0, 0.5, 0.25]
    assert json.loads((folder / run.SUMMARY).read_text())["rollbacks"] == 2
    assert checkpoint.load(folder / run.CHECKPOINTS / "step_000000006").about["rollbacks"] == 2


def test_rollback_gives_up_after_three_times(options, monkeypatch, capsys):
    spoil_losses(monkeypatch, 4, 6, 8, 10)  # always step 4
    with pytest.raises(
        Stopped, match="d_loss is nan at step 4; the last good checkpoint is of step 2; go on"
    ) as stopped:
        train(dataclasses.replace(options, on_nan="rollback"))
    assert stopped.value.status == 1 and "rollback 3 of 3" in capsys.readouterr().out


def test_a_lower_rate_is_that_of_both_optimizers(options):
    gan = recipe.build(options, image_shape=(16, 16, 1), num_classes=3, steps=10)
    before = [float(optimizer.learning_rate) for optimizer in (gan.d_optimizer, gan.g_optimizer)]
    recipe.compile_gan(gan, options, steps=10, rate_factor=0.5)
    after = [float(optimizer.learning_rate) for optimizer in (gan.d_optimizer, gan.g_optimizer)]
    assert after == pytest.approx([rate / 2 for rate in before])


def test_weights_that_are_not_finite_are_never_saved(options, monkeypatch):
    from ssgan.gan import SSGAN

    update = SSGAN.update_discriminator

    def spoiled(self, *args, **kwargs):
        update(self, *args, **kwargs)
        for weight in self.discriminator.trainable_variables:
            weight.assign(weight * float("inf"))

    monkeypatch.setattr(SSGAN, "update_discriminator", spoiled)
    with pytest.raises(Stopped, match=r"(discriminator/\w+/\w+ is not finite|d_loss is nan) at step 2"):
        train(dataclasses.replace(options, gan_weight=0.0))
    assert [path.name for path in (Path("run") / run.CHECKPOINTS).iterdir()] == ["step_000000000"]


def test_a_full_disk_ends_the_run_with_the_name_of_the_file(options, monkeypatch):
    save = checkpoint.save

    def full(folder, saved, *, keep):
        if saved.step == 4:
            raise OSError(28, "No space left on device", str(folder / "step_000000004"))
        return save(folder, saved, keep=keep)

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(
        Stopped, match="No space left on device: 'run/checkpoints/step_000000004'; go on with: .*--resume"
    ):
        train(options)
    monkeypatch.setattr(checkpoint, "save", save)
    assert (train(dataclasses.replace(options, resume=True)) / run.SUMMARY).exists()


def test_other_data_under_the_same_name_is_refused(options, monkeypatch):
    train(options)
    Path("run", run.SUMMARY).unlink()
    load = data.load

    def other(*arguments, **keywords):
        found = load(*arguments, **keywords)
        return dataclasses.replace(found, images=255 - found.images)

    monkeypatch.setattr(data, "load", other)
    with pytest.raises(UsageError, match=r"the data or the labels are not those that run was begun with: digest"):
        train(dataclasses.replace(options, resume=True))
