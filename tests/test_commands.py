"""The commands on data that is not as tidy as SVHN, in folders with odd names, and with output that cannot be written.

They run in this process, but for what only a process of its own can show.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from ssgan import command as cli
from ssgan import data, report, test_time
from ssgan.classifier import load_classifier
from ssgan.errors import UsageError
from ssgan.eval import EvalConfig, evaluate_run
from ssgan.evaluate.runs import read_members
from ssgan.options import Config
from ssgan.store import files, run
from ssgan.train import _without_visible_label, train
from ssgan.workers import Workers
from tests.test_cli import ROOT
from tests.tfds_sets import PartlyLabelled  # noqa: F401 - makes it known to TFDS

TINY = {
    "image_size": 16,
    "validation": 1,
    "labeled_batch": 1,
    "unlabeled_batch": 2,
    "generated_batch": 2,
    "generator_width": 1,
    "arch": "tiny",
    "augment": "none",
    "pseudo_label_weight": 0.0,
    "gan_every": 1,
    "total_steps": 1,
    "precision": "float32",
}


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        tfds.builder("partly_labelled", data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(scope="module")
def trained(tfds_folder, tmp_path_factory):
    """A run on partly labelled images without a test split, in a folder with an odd name, and what it printed."""
    run_dir = tmp_path_factory.mktemp("trained") / "my run, größer"
    options = {"dataset": "partly_labelled", "data_dir": str(tfds_folder), "run_dir": str(run_dir)}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        train(Config(**TINY, **options, labels=1, label_strategy="first"))
    return run_dir, printed.getvalue().splitlines()


@pytest.fixture
def read_once(trained, members, monkeypatch):
    """The folder of the run, whose models are not loaded again."""
    monkeypatch.setattr("ssgan.evaluate.runs.read_members", lambda named, *, sha256: members)
    return trained[0]


@pytest.fixture(scope="module")
def members(trained):
    return read_members(str(trained[0]), sha256=None)


# Data.


def test_images_without_a_label_are_counted_apart_and_trained_on(trained):
    run_dir, printed = trained
    (line,) = [line for line in printed if line.startswith("data ")]
    assert "9 images (16, 16, 3)" in line and line.endswith("with its unlabelled split), 5 of them without a label")
    assert any(line.startswith("images  8 used without label") for line in printed)
    mask = np.load(run_dir / run.LABEL_MASK)["mask"]
    assert np.flatnonzero(mask).tolist() == [0]


def test_images_without_a_label_are_not_held_out(trained):
    config = Config.from_json(files.read_text(trained[0] / run.OPTIONS))
    with pytest.raises(UsageError, match=r"4 validation images.*0\.\.3, the images whose label is there"):
        train(Config(**{**vars(config), "validation": 4, "run_dir": f"{trained[0]} more"}))


def test_classes_without_a_visible_label_are_named(trained):
    assert "*** class 1 ('犬') has no visible label and will never be predicted ***" in trained[1]
    labels, names = np.arange(5), tuple("abcde")
    assert _without_visible_label(labels, labels >= 0, names) is None
    assert _without_visible_label(labels, labels > 5, names[:0]) is None  # a plain GAN
    assert _without_visible_label(labels, labels > 2, names) == (
        "class 0 ('a'), class 1 ('b'), class 2 ('c') have no visible label and will never be predicted"
    )
    many = _without_visible_label(np.arange(50), np.arange(50) == 3, ("x",) * 50)
    assert many is not None and many.count("class") == 10 and "class 10 ('x') and 39 more have" in many


def test_a_data_set_without_test_images_is_noticed_before_the_training(trained):
    (line,) = [line for line in trained[1] if "no test split" in line]
    assert "it has train, validation, unlabelled" in line and line.endswith("ssgan.eval --split=validation ***")
    assert trained[1].index(line) < next(i for i, line in enumerate(trained[1]) if line.startswith("step 1/1"))


def test_another_split_than_test_can_be_evaluated(read_once, monkeypatch, capsys):
    run_dir, titles, draw = read_once, [], report.confusion_matrix
    monkeypatch.setattr(
        report, "confusion_matrix", lambda *args, title: draw(*args, title=titles.append(title) or title)
    )
    with pytest.raises(UsageError, match="no 'test' split; it has train, validation, unlabelled .*--split=NAME"):
        evaluate_run(EvalConfig(run=str(run_dir)))
    metrics = evaluate_run(EvalConfig(run=str(run_dir), split="validation"))
    printed = capsys.readouterr().out
    assert "tested on partly_labelled, split validation" in printed and "validation error" in printed
    assert "trained on partly_labelled with 1 labels of 9 images" in printed and printed.count("*** ") == 1
    assert "*** 2 of 2 images tested on are among those of the training, exactly or nearly" in printed
    assert "test error" not in printed and metrics["split"] == "validation"
    assert titles[0].startswith("partly_labelled: validation error ")
    assert {"validation_error", "validation_error_raw", "num_validation"} <= metrics.keys()
    assert "test_error" not in metrics and metrics["num_validation"] == 2
    assert files.read_json(run_dir / "metrics_validation.json") == json.loads(json.dumps(metrics))
    page = (run_dir / "report_validation.html").read_text("utf-8")
    assert "validation error" in page and "1 (first, label seed 0)" not in page and "犬" in page
    assert (run_dir / "confusion_validation.png").is_file() and not (run_dir / "metrics.json").exists()


def test_views_of_each_image_are_averaged(read_once, capsys):
    run_dir = read_once
    metrics = evaluate_run(EvalConfig(run=str(run_dir), split="validation", views=True))
    assert "9 views of each image, tested on partly_labelled" in capsys.readouterr().out
    assert metrics["views"] == 9
    assert "no layer of features" not in (run_dir / "report_validation_views.html").read_text("utf-8")
    config = Config.from_json(files.read_text(run_dir / run.OPTIONS))
    images = data.load("partly_labelled", "validation", data_dir=config.data_dir, image_size=(16, 16))
    seen = test_time.Views(shifts=(-1, 0, 1)).of(images.read(np.arange(2)).astype("float32"))
    classifier = load_classifier(run_dir)
    mean = np.mean([classifier(seen[:, number]) for number in range(9)], axis=0)
    expected = -np.log(mean[np.arange(2), images.labels]).mean()
    written = files.read_json(run_dir / "metrics_validation_views.json")
    assert written["ema"]["negative_log_likelihood"] == pytest.approx(expected, rel=1e-4)


def test_a_page_is_written_without_the_images_of_the_training_where_they_are_gone(read_once, monkeypatch):
    load = data.load

    def moved(dataset, split, **options):
        if split == "train":
            raise UsageError("they are <gone>")
        return load(dataset, split, **options)

    monkeypatch.setattr(data, "load", moved)
    evaluate_run(EvalConfig(run=str(read_once), split="validation"))
    page = (read_once / "report_validation.html").read_text("utf-8")
    assert page.count("Not looked for: they are &lt;gone&gt;.") == 2 and "validation error" in page


def test_the_images_that_were_trained_on_are_no_test(read_once, monkeypatch, capsys):
    every = data.load
    monkeypatch.setattr(data, "load", lambda *args, **options: every(*args, **options).first(2))
    evaluate_run(EvalConfig(run=str(read_once), split="train"))
    assert capsys.readouterr().out.startswith("*** train: images that were trained on; their error is no test error")


@pytest.mark.parametrize(("split", "without", "count"), [("unlabelled", 1, 3), ("train", 2, 6)])
def test_images_without_a_label_are_not_evaluated(read_once, split, without, count):
    with pytest.raises(UsageError, match=f"{without} of the {count} .*{split} images have no label.*--split"):
        evaluate_run(EvalConfig(run=str(read_once), split=split))


# Names.


def test_the_commands_that_are_printed_can_be_pasted(trained):
    run_dir, printed = trained
    assert shlex.split(printed[-1].partition("python -m ")[2]) == ["ssgan.eval", f"--run={run_dir}"]
    told = Workers(tf.distribute.get_strategy(), None).how_to_go_on(run_dir)
    assert shlex.split(told)[-2:] == ["--resume", f"--run_dir={run_dir}"]


def test_a_finished_run_says_how_to_test_it(trained, capsys):
    config = Config.from_json(files.read_text(trained[0] / run.OPTIONS))
    train(Config(**{**vars(config), "run_dir": str(trained[0]), "resume": True}))
    assert shlex.split(capsys.readouterr().out)[-1] == f"--run={trained[0]}"


# Output.


@contextlib.contextmanager
def unread_pipe():
    """A stream whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        yield stream


def test_the_files_are_written_before_the_report(read_once, monkeypatch):
    table = read_once / "metrics_validation.json"
    table.unlink(missing_ok=True)

    def fail(*_):
        raise OSError("no output")

    monkeypatch.setattr("builtins.print", fail)
    with pytest.raises(OSError, match="no output"):
        evaluate_run(EvalConfig(run=str(read_once), split="validation"))
    assert table.is_file()


def test_a_command_goes_on_when_nobody_reads_its_output(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_import_tensorflow", lambda: None)
    done = []
    with unread_pipe() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        cli.run_command(lambda options: done.append([print("line", flush=True) for _ in range(2)]), None)
    assert done and not capsys.readouterr().err


def test_a_command_goes_on_when_its_output_finds_no_room(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_import_tensorflow", lambda: None)
    done = []
    with open("/dev/full", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        cli.run_command(lambda options: done.append([print("line", flush=True) for _ in range(2)]), None)
    message = "the output cannot be written any more (No space left on device); going on without\n"
    assert done and capsys.readouterr().err == message


def test_output_that_holds_ascii_only_takes_every_name(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(cli, "_import_tensorflow", lambda: None)
    cli.run_command(lambda options: print("größer 犬", flush=True), None)
    assert written.getvalue() == b"gr\\xf6\\xdfer \\u72ac\n"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Runs a shell command in which `$ssgan` stands for `python -m ssgan`."""
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
    variables["ssgan"] = f"{sys.executable} -m ssgan"
    return subprocess.run(["bash", "-c", command], cwd=folder, env=variables, capture_output=True, text=True)


def test_help_can_be_cut_short(tmp_path):
    done = shell("$ssgan.train --help | true; echo ${PIPESTATUS[0]}", tmp_path)
    assert done.stdout == "0\n" and not done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_command_needs_no_open_output(tmp_path, closed):
    done = shell(f"$ssgan.train --labels=ten {closed}; echo $?", tmp_path)
    assert done.stdout == "2\n" and "Traceback" not in done.stderr


# The environment.


@pytest.mark.parametrize(
    ("environment", "settings", "message"),
    [
        ({"KERAS_BACKEND": "jax"}, {}, "Keras is set to the backend 'jax' by KERAS_BACKEND; expected tensorflow"),
        ({}, {"backend": "torch"}, "Keras is set to the backend 'torch' by .*keras.json; expected tensorflow"),
        ({}, {"image_data_format": "channels_first"}, "'channels_first' by .*keras.json; expected channels_last"),
    ],
)
def test_another_backend_or_layout_of_keras_is_refused(tmp_path, monkeypatch, capsys, environment, settings, message):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name, value in {"KERAS_HOME": str(tmp_path), **environment}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    with pytest.raises(SystemExit) as stop:
        cli.run_command(pytest.fail, None)
    errors = capsys.readouterr().err
    assert stop.value.code == 2 and errors.count("\n") == 1
    assert re.search(message, errors)


def test_keras_may_be_set_to_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # which comes before the file
    (tmp_path / "keras.json").write_text('{"backend": "jax", "image_data_format": "channels_last"}')
    cli._check_keras()
    (tmp_path / "keras.json").write_text("no JSON")  # which Keras leaves out
    cli._check_keras()


def test_flagfiles_are_utf8_whatever_the_locale(tmp_path):
    (tmp_path / "options.cfg").write_text("# größer 犬\n--flagfile=more.cfg\n", "utf-8")
    (tmp_path / "more.cfg").write_text("// größer\n\n--labels=ten\n", "utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell("$ssgan.train --flagfile=options.cfg; $ssgan.train --flagfile options.cfg", tmp_path, **ascii_only)
    assert done.stderr.count("invalid literal for int() with base 10: 'ten'") == 2
