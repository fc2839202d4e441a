"""The command lines as a user meets them: subprocesses, exit codes, one-line errors, files."""

import functools
import importlib
import io
import json
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import keras
import numpy as np
import pytest

from ssgan.data import ImageSet, street_digits

ROOT = Path(__file__).parent.parent
TINY = [
    "--dataset=street_digits",
    "--train_images=300",
    "--labels=100",
    "--validation=50",
    "--labeled_batch=5",
    "--unlabeled_batch=6",
    "--generated_batch=4",
    "--total_steps=4",
    "--log_every=2",
    "--precision=float32",
    *("--arch=tiny", "--generator_width=2", "--augment=none"),
    *("--unlabeled_start=0", "--gan_every=1"),  # one kind of step: each is traced, in seconds
]


def call(folder: Path, cache: Path, command: str, *flags: str) -> subprocess.CompletedProcess:
    """Runs `python -m ssgan.<command>` in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    arguments = [sys.executable, "-m", f"ssgan.{command}", *flags]
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True)


def here(folder: Path, cache: Path, command: str, *flags: str) -> subprocess.CompletedProcess:
    """Does what `call` does, but in this process, which has imported TensorFlow already."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.chdir(folder)
        patched.setenv("XDG_CACHE_HOME", str(cache))
        try:
            importlib.import_module(f"ssgan.{command}").main([command, *flags])
        except SystemExit as ended:
            status = ended.code or 0
    return subprocess.CompletedProcess([command, *flags], status, out.getvalue(), err.getvalue())


@pytest.fixture
def ssgan(cache, tmp_path):
    return functools.partial(call, tmp_path, cache)


@pytest.fixture(scope="module")
def trained(cache, tmp_path_factory):
    """A folder in which `ssgan.train` has made one run, and what it printed."""
    folder = tmp_path_factory.mktemp("trained")
    done = call(folder, cache, "train", *TINY, "--deterministic")
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.parametrize("command", ["train", "eval"])
def test_help_and_a_mistyped_flag_answer_before_tensorflow_is_imported(ssgan, command):
    for flag, status, answer in (("--help", 0, "--data_dir"), ("--data_dirr=x", 2, "Did you mean: data_dir ?")):
        seconds = []
        for _ in range(3):
            begin = time.monotonic()
            done = ssgan(command, flag)
            seconds.append(time.monotonic() - begin)
        assert done.returncode == status and answer in done.stdout + done.stderr
        assert min(seconds) < 0.5  # it takes 0.1 s; the best of three, because the machine may be busy


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lables=10"], "Unknown command line flag 'lables'. Did you mean: labels"),
        (["--labels=-1"], "--labels=-1: expected at least 0"),
        (["--labels=ten"], "invalid literal for int"),
        (["--arch=resnet"], "--arch=resnet: expected one of small, tiny, paper_svhn, paper_cifar, article"),
        (["--total_steps=5", "--total_epochs=1"], "two durations at once: --total_steps=5 and --total_epochs=1"),
        (["--flagfile=missing.cfg"], "missing.cfg cannot be read"),
        (["train"], "unexpected argument 'train'"),
    ],
)
def test_bad_flags_exit_with_2_and_one_line(ssgan, flags, message):
    done = ssgan("train", *flags)
    assert done.returncode == 2 and message in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--labels=400"], "400 labels"),
        (["--labels=101"], "101 labels cannot be balanced over 10 classes"),
        (["--validation=250"], "250 validation images"),
        (["--dataset=no_such_set"], "no_such_set"),
        (["--dataset=svhn_cropped", "--data_dir=."], "svhn_cropped"),
    ],
)
def test_options_that_do_not_fit_the_data_exit_with_2_and_leave_nothing(cache, tmp_path, flags, message):
    done = here(tmp_path, cache, "train", *TINY, *flags)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 2 and len(errors) == 1 and message in errors[0]
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()


def test_a_run_from_training_to_test_error(trained, cache):
    folder, done = trained
    assert "SYNTHETIC" in done.stdout.splitlines()[0]
    assert "100 used (balanced, seed 0), 5 labelled rows per batch" in done.stdout
    (run,) = (folder / "runs").iterdir()
    assert "synthetic" in run.name and json.loads((run / "about.json").read_text())["synthetic"]
    files = {path.name for path in run.iterdir()}
    assert {"options.json", "options.cfg", "history.csv", "curves.png", "gan.keras", "classifier.keras"} <= files
    assert sorted(path.name for path in (run / "samples").iterdir()) == ["step_000002.png", "step_000004.png"]

    evaluated = call(folder, cache, "eval")
    assert evaluated.returncode == 0, evaluated.stderr
    assert re.search(r"test error \d+\.\d\d % \(95 % CI .*2,000 images\), EMA weights", evaluated.stdout)
    metrics = json.loads((run / "metrics.json").read_text())
    wanted = {"test_error", "test_error_raw", "num_test", "dataset", "labels", "label_seed", "steps", "train_seconds"}
    assert wanted <= set(metrics) and metrics["num_test"] == 2000 and metrics["steps"] == 4
    assert np.sum(metrics["ema"]["confusion"]) == 2000 and (run / "confusion.png").is_file()

    page = (run / "report.html").read_text()
    assert f"{run.relative_to(folder)}/report.html" in evaluated.stdout
    assert "Synthetic images." in page and "Not looked for" not in page and "of 100 labels are outvoted" in page

    again = here(folder, cache, "train", *TINY, f"--run_dir={run}")
    assert again.returncode == 2 and "never overwritten" in again.stderr


def test_a_run_can_be_tested_on_other_images(trained, cache):
    data_dir = os.environ.get("SSGAN_DATA_DIR")
    if data_dir is None:
        pytest.skip("SSGAN_DATA_DIR is not set: no other images to test on")
    folder, _ = trained
    other = here(folder, cache, "eval", "--dataset=svhn_cropped", f"--data_dir={data_dir}/svhn_lite")
    assert other.returncode == 0, other.stderr
    assert "trained on street_digits (SYNTHETIC)" in other.stdout and "tested on svhn_cropped" in other.stdout
    (metrics,) = (folder / "runs").glob("*/metrics_svhn_cropped_*.json")
    assert json.loads(metrics.read_text())["num_test"] == 2451
    page = metrics.with_name(metrics.name.replace("metrics", "report")).with_suffix(".html").read_text()
    assert "2,451 images" in page and "Not looked for" not in page
    grey = here(folder, cache, "eval", "--dataset=mnist", f"--data_dir={data_dir}/tfds")
    assert grey.returncode == 2 and f"{metrics.parent.relative_to(folder)} was trained on [32, 32, 3]" in grey.stderr


def test_the_saved_flagfile_repeats_a_deterministic_run(trained, cache):
    folder, _ = trained
    (first,) = (folder / "runs").iterdir()
    done = call(folder, cache, "train", f"--flagfile={first}/options.cfg", "--run_dir=second")
    assert done.returncode == 0, done.stderr
    models = [keras.models.load_model(run / "classifier.keras") for run in (first, folder / "second")]
    weights = [model.get_weights() for model in models]
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_an_ensemble_predicts_the_mean_of_its_members_probabilities(trained, cache):
    folder, _ = trained
    (first,) = (folder / "runs").iterdir()
    done = here(folder, cache, "train", *TINY, "--label_seed=1", "--validation=200", "--run_dir=other")
    assert done.returncode == 0, done.stderr
    assert "calibration.json" in os.listdir(folder / "other") and "calibration.json" not in os.listdir(first)
    names = [str(first.relative_to(folder)), "other"]
    done = here(folder, cache, "eval", f"--run={','.join(names)}")
    assert done.returncode == 0, done.stderr
    assert "ensemble of 2 runs" in done.stdout and "(label seed 1): test error" in done.stdout

    (written,) = first.glob("metrics_ensemble_*.json")
    metrics = json.loads(written.read_text())
    assert [member["run"] for member in metrics["members"]] == names
    assert [member["label_seed"] for member in metrics["members"]] == [0, 1]
    (page,) = first.glob("report_ensemble_*.html")
    assert "An ensemble of 2 runs" in page.read_text()
    images, labels = street_digits.load("test", 2000, cache_dir=cache / "ssgan")
    models = [keras.models.load_model(folder / name / "classifier.keras") for name in names]
    each = [model.predict(images, verbose=0) for model in models]
    assert metrics["test_error"] == pytest.approx(np.mean((each[0] + each[1]).argmax(axis=1) != labels), abs=1e-3)

    done = here(folder, cache, "eval", f"--run={','.join(names)}", "--calibrated")
    assert done.returncode == 2 and f"{first.relative_to(folder)} has no calibration.json" in done.stderr
    done = here(folder, cache, "eval", "--run=other", "--calibrated")
    assert done.returncode == 0 and "(label seed 1), calibrated, tested on" in done.stdout, done.stderr
    temperature = json.loads((folder / "other" / "calibration.json").read_text())["temperature"]
    powers = each[1].astype(np.float64) ** (1 / temperature)
    expected = -np.log((powers / powers.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]).mean()
    calibrated = json.loads((folder / "other" / "metrics_calibrated.json").read_text())["ema"]
    assert calibrated["negative_log_likelihood"] == pytest.approx(expected, rel=1e-3)


def test_an_ensemble_of_a_run_with_itself_or_with_another_number_of_digests_is_refused(trained, cache):
    folder, _ = trained
    (run,) = (folder / "runs").iterdir()
    twice = here(folder, cache, "eval", f"--run={run},runs/{run.name}")
    assert twice.returncode == 2 and "names a run twice" in twice.stderr
    digests = here(folder, cache, "eval", f"--run={run},second", "--sha256=12")
    assert digests.returncode == 2 and "1 digests and --run 2 runs" in digests.stderr


def test_a_loss_that_is_not_finite_stops_the_run(cache, tmp_path, monkeypatch, capsys):
    from ssgan import train
    from ssgan.terms import supervised

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    finite = supervised.supervised_loss
    monkeypatch.setattr(supervised, "supervised_loss", lambda *arguments: finite(*arguments) / 0.0)
    with pytest.raises(SystemExit) as stop:
        train.main(["train", *TINY])
    assert stop.value.code == 1
    assert re.search(
        r"^stopped: d_loss is inf at step 1; the last good checkpoint is of step 0; go on with: ",
        capsys.readouterr().err,
        re.MULTILINE,
    )


def test_evaluating_what_is_no_finished_run_exits_with_2(cache, tmp_path):
    assert "no finished run under runs/" in here(tmp_path, cache, "eval").stderr
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "options.json").write_text("{}")
    done = here(tmp_path, cache, "eval", "--run=half")
    assert done.returncode == 2 and "its training did not finish" in done.stderr


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.cfg")), ids=lambda path: path.stem)
def test_every_config_parses_and_takes_a_real_step(config, tmp_path, monkeypatch, cache):
    from ssgan.augment import resolve_flip
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.training.build import batches, build, total_steps

    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    options = parse_flags(Config, ["train", f"--flagfile={config}"], usage="")
    assert config.read_text().startswith("# ") and f"--flagfile=configs/{config.name}" in config.read_text()
    assert total_steps(options, num_unlabeled=1000) >= 1
    shrunk = {"labeled_batch": 3, "unlabeled_batch": 4, "generated_batch": 2, "generator_width": 2}
    options = Config(**{**vars(options), **shrunk, "precision": "float32", "flip": resolve_flip(options.flip, "ab")})

    pixels = np.random.RandomState(0).randint(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    images = ImageSet(
        name="noise",
        split="train",
        source="a test",
        synthetic=True,
        images=pixels,
        labels=np.arange(40, dtype=np.int32) % 10,
        class_names=tuple("abcdefghij"),
    )

    keras.utils.set_random_seed(0)
    mask = np.arange(40) < 20
    gan = build(options, image_shape=(32, 32, 3), num_classes=10, steps=1)
    gan.initialize_from_data(pixels)
    history = gan.fit(
        batches(options, images, mask, unlabeled=np.arange(40), steps=1), verbose=0, shuffle=False
    ).history
    assert all(np.isfinite(values[0]) for values in history.values())


def test_a_trained_run_can_be_exported(trained, cache, tmp_path):
    done = here(trained[0], cache, "export", "--format=keras", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "classifier.json",
        "classifier.keras",
    ]
    assert "Images: 300 of `street_digits`, drawn by a program" in (tmp_path / "out" / "README.md").read_text()
    assert "Labels seen: 100;" in (tmp_path / "out" / "README.md").read_text()
