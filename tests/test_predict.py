"""Pictures of anybody's to rows of classes: odd names, odd files, crashes in the middle, and the numbers themselves."""

import contextlib
import csv
import functools
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import filelock
import keras
import numpy as np
import pytest
from PIL import Image

import ssgan
from ssgan import cluster, test_time
from ssgan import predict as command
from ssgan.classifier import CLASSIFIER_FILE
from ssgan.data.own import stream
from ssgan.data.own.decode import Preparation, Unreadable, read_picture
from ssgan.errors import Stopped, UsageError
from ssgan.evaluate import confidence
from ssgan.evaluate.outliers import SCORES
from ssgan.evaluate.predictor import read_predictor
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.predict import PredictConfig, predict
from ssgan.report.predictions import COLUMNS, Table
from ssgan.store import files, run

ROOT = Path(__file__).parent.parent
CLASSES = ["=HYPERLINK(1)", "<b>cat</b>", "dog, 'old'"]
SQUARE = Preparation(height=16, width=16, channels=3, resize="crop")
HOSTILE = [
    *("two\nlines.png", "car\rriage.png", "comma, quote\" and 'more'.png", "=cmd|calc.png", "'=kept.png", "''.png"),
    *("-run=x.png", "@at.png", "+plus.png", "\ttab.png", "größe.png", os.fsdecode(b"caf\xe9.png"), "<b>.png"),
]


_READ_ONCE = functools.lru_cache(read_predictor)


def make_run(folder, *, seed=0, class_names=CLASSES, preparation=SQUARE):
    """Writes what a finished run has and predicting needs, of a net that was not trained."""
    keras.utils.set_random_seed(seed)
    discriminator = ssgan.Discriminator(len(class_names), arch="tiny")
    discriminator.build((None, *preparation.image_shape))
    for variable in discriminator.trainable_variables:  # so that pictures differ
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.1))
    folder.mkdir(parents=True)
    ssgan.to_classifier(discriminator).save(folder / CLASSIFIER_FILE)
    about = {"image_shape": list(preparation.image_shape), "class_names": class_names, "synthetic": False}
    about |= {"dataset": "mine", "num_train": 9, "preparation": preparation.as_dict(), "source": "pictures of mine"}
    files.write_json(folder / run.ABOUT, about)
    files.write_json(folder / run.SUMMARY, {})
    return folder


def make_picture(path, seed=0, size=(20, 24)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    with open(path, "wb") as file:
        Image.fromarray(pixels).save(file, "PNG")
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [str(make_run(folder / name, seed=seed)) for seed, name in enumerate(("first", "second"))]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of ten pictures and of one that cannot be read."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(10):
        make_picture(folder / f"{number % 2}" / f"{number}.png", seed=number, size=(20 + number, 24))
    (folder / "0" / "5.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch):
    """A run that did not change is not loaded again."""
    monkeypatch.setattr("ssgan.evaluate.predictor.read_predictor", _READ_ONCE)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(command, "_LARGEST_BATCH", 4)


def parsed(*arguments):
    return parse_flags(PredictConfig, ["predict", *map(str, arguments)], usage="", positional="paths")


def predicted_rows(capsysbinary, *arguments):
    predict(parsed(*arguments))
    read = read_jsonl if "--format=jsonl" in arguments else read_csv
    return read(capsysbinary.readouterr().out)


def read_csv(content):
    text = content.decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def read_jsonl(content):
    return [json.loads(line) for line in content.splitlines()]


def expected(run_dir, paths, preparation=SQUARE):
    """Returns probabilities and outlier scores, from the classifier as anybody loads it."""
    classifier = ssgan.load_classifier(run_dir)
    images = np.stack([read_picture(path, preparation) for path in paths])
    logits = keras.Model(classifier.input, classifier.get_layer("logits").output)(images).numpy().astype(np.float64)
    return classifier(images).numpy(), 1 / (1 + np.exp(logits).sum(axis=-1))


# Numbers.


def test_rows_are_what_the_classifier_gives_for_each_picture(runs, pictures, tmp_path, small_batches, capsys):
    out = tmp_path / "rows.csv"
    assert predict(parsed(f"--run={runs[0]}", f"--out={out}", pictures)) == {"pictures": 11, "unreadable": 1}
    assert capsys.readouterr().err == f"11 pictures, 1 of them unreadable (see reason); written: {out}\n"
    assert os.listdir(tmp_path) == ["rows.csv"]
    rows = read_csv(out.read_bytes())
    assert tuple(rows[0]) == COLUMNS
    assert [row["path"] for row in rows] == sorted(str(path) for path in pictures.rglob("*.*"))
    (lost,) = [row for row in rows if row["reason"]]
    with pytest.raises(Unreadable) as refused:
        read_picture(pictures / "0" / "5.jpg", SQUARE)
    assert lost["path"].endswith("5.jpg") and lost["reason"] == str(refused.value)
    assert lost["class"] == lost["probability"] == lost["outlier_score"] == ""
    rows.remove(lost)
    probabilities, scores = expected(runs[0], [row["path"] for row in rows])
    assert [row["class"].removeprefix("'") for row in rows] == [CLASSES[row.argmax()] for row in probabilities]
    np.testing.assert_allclose([float(row["probability"]) for row in rows], probabilities.max(axis=-1), rtol=2e-6)
    np.testing.assert_allclose([float(row["outlier_score"]) for row in rows], scores, rtol=2e-6)
    assert scores.std() > 1e-4


def test_an_ensemble_is_the_mean_of_its_runs(runs, pictures, capsysbinary, small_batches):
    predict(parsed(f"--run={','.join(runs)}", "--format=jsonl", "--all", pictures))
    rows = [row for row in read_jsonl(capsysbinary.readouterr().out) if row["reason"] is None]
    each = [expected(run_dir, [row["path"] for row in rows]) for run_dir in runs]
    probabilities, scores = (np.mean(values, axis=0) for values in zip(*each, strict=True))
    assert list(rows[0]) == [*COLUMNS, "probabilities"] and list(rows[0]["probabilities"]) == CLASSES
    np.testing.assert_allclose([list(row["probabilities"].values()) for row in rows], probabilities, rtol=3e-6)
    np.testing.assert_allclose([row["outlier_score"] for row in rows], scores, rtol=3e-6)
    assert [row["class"] for row in rows] == [CLASSES[row.argmax()] for row in probabilities]
    assert np.abs(each[0][0] - each[1][0]).max() > 1e-3


def test_outliers_are_told_by_a_score_and_a_threshold_and_logits_are_calibrated(runs, pictures, tmp_path, capsysbinary):
    run_dir = shutil.copytree(runs[0], tmp_path / "run")
    paths = [row["path"] for row in predicted_rows(capsysbinary, f"--run={run_dir}", pictures) if not row["reason"]]
    classifier = ssgan.load_classifier(run_dir)
    images = np.stack([read_picture(path, SQUARE) for path in paths])
    logits = keras.Model(classifier.input, classifier.get_layer("logits").output)(images).numpy().astype(np.float64)
    scores = 1 / (1 + np.exp(logits.max(axis=-1)))
    threshold = float(np.sort(scores)[6:8].mean())  # three of ten lie above
    written = {"temperature": 2.0, "outlier_thresholds": {"gan": 0.0, "max_logit": threshold, "max_softmax": 1.0}}
    files.write_json(run_dir / confidence.FILE, written)

    flags = [f"--run={run_dir}", "--outlier_score=max_logit", "--calibrated", pictures]
    rows = [row for row in predicted_rows(capsysbinary, *flags) if not row["reason"]]
    np.testing.assert_allclose([float(row["outlier_score"]) for row in rows], scores, rtol=2e-6)
    assert [row["outlier"] for row in rows] == ["yes" if score > threshold else "no" for score in scores]
    powers = np.exp(logits / 2)
    expected_probabilities = powers.max(axis=-1) / powers.sum(axis=-1)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected_probabilities, rtol=2e-6)
    lines = predicted_rows(capsysbinary, *flags, "--format=jsonl")
    assert [line["outlier"] for line in lines if not line["reason"]] == [row["outlier"] == "yes" for row in rows]
    assert {line["outlier"] for line in lines if line["reason"]} == {None}
    both = predicted_rows(capsysbinary, f"--run={run_dir},{runs[1]}", pictures)
    assert {row["outlier"] for row in both} == {""}  # of an ensemble, no threshold is known


def test_each_run_of_an_ensemble_has_its_own_temperature_and_views(runs, pictures, tmp_path):
    images, expected, folders = np.stack([read_picture(path, SQUARE) for path in pictures.glob("1/*")]), [], []
    for number, (temperature, shift, augment) in enumerate([(2.0, 0, "photo"), (0.5, 1, "none")]):
        run_dir = Path(shutil.copytree(runs[number], tmp_path / str(number)))
        files.write(run_dir / run.OPTIONS, Config(labels=2, shift=shift, augment=augment, flip="no").to_json())
        thresholds = dict.fromkeys(SCORES, 0.5)
        files.write_json(run_dir / confidence.FILE, {"temperature": temperature, "outlier_thresholds": thresholds})
        classifier = ssgan.load_classifier(run_dir)
        logits_of = keras.Model(classifier.input, classifier.get_layer("logits").output)
        views = test_time.views_of(shift=shift, flip="no", augment=augment).of(keras.ops.convert_to_tensor(images))
        powers = [np.exp(logits_of(views[:, one]).numpy() / temperature) for one in range(views.shape[1])]
        expected.append(np.mean([power / power.sum(axis=1, keepdims=True) for power in powers], axis=0))
        folders.append(str(run_dir))
    predictor = read_predictor(",".join(folders), has_views=True, is_calibrated=True)
    probabilities, _ = predictor.compiled(len(images))(images)
    np.testing.assert_allclose(probabilities, np.mean(expected, axis=0), rtol=1e-5)
    assert predictor.num_views == 9


def test_views_are_averaged(runs, pictures, tmp_path, small_batches, capsysbinary):
    run_dir = shutil.copytree(runs[0], tmp_path / "run")
    files.write(run_dir / run.OPTIONS, Config(labels=2, shift=2, augment="photo", flip="yes").to_json())
    predict(parsed(f"--run={run_dir}", "--all", "--views", pictures))
    rows = [row for row in read_csv(capsysbinary.readouterr().out) if not row["reason"]]
    images = np.stack([read_picture(row["path"], SQUARE) for row in rows])
    views = test_time.views_of(shift=2, flip="yes", augment="photo").of(keras.ops.convert_to_tensor(images))
    classifier = ssgan.load_classifier(run_dir)
    logits_of = keras.Model(classifier.input, classifier.get_layer("logits").output)
    of_views = [logits_of(views[:, number]).numpy().astype(np.float64) for number in range(36)]
    probabilities = np.mean([classifier(views[:, number]).numpy() for number in range(36)], axis=0)
    found = [[float(row[f"probability_{name}"]) for name in CLASSES] for row in rows]
    np.testing.assert_allclose(found, probabilities, rtol=2e-5, atol=1e-6)
    scores = np.mean([1 / (1 + np.exp(logits).sum(axis=-1)) for logits in of_views], axis=0)
    np.testing.assert_allclose([float(row["outlier_score"]) for row in rows], scores, rtol=2e-5)


def test_a_run_of_a_benchmark_set_pads_and_says_so(tmp_path, capsysbinary):
    """One that an earlier version finished, too."""
    picture = make_picture(tmp_path / "wide.png", size=(20, 60))
    for name in ("v1_run", "v2_run"):
        golden = ROOT / "tests" / "golden" / name
        about = files.read_json(golden / run.ABOUT)
        predict(parsed(f"--run={golden}", "--format=jsonl", picture))
        out, err = capsysbinary.readouterr()
        assert b"does not say how its images were prepared; pictures are padded to " in err
        (row,) = read_jsonl(out)
        height, width, channels = about["image_shape"]
        padded = Preparation(height=height, width=width, channels=channels, resize="pad")
        image = read_picture(picture, padded)[np.newaxis]
        probabilities = ssgan.load_classifier(golden)(image).numpy()[0]
        assert row["class"] == about["class_names"][probabilities.argmax()]
        assert row["probability"] == pytest.approx(probabilities.max(), rel=1e-5)


def test_the_way_of_the_training_is_taken(runs, tmp_path, capsysbinary):
    picture = make_picture(tmp_path / "wide.png", size=(20, 60))
    for resize in ("crop", "pad", "stretch"):
        preparation = Preparation(height=16, width=32, channels=1, resize=resize)
        run_dir = make_run(tmp_path / resize, preparation=preparation)
        predict(parsed(f"--run={run_dir}", "--format=jsonl", picture))
        out, err = capsysbinary.readouterr()
        assert read_jsonl(out)[0]["outlier_score"] == pytest.approx(
            expected(run_dir, [picture], preparation)[1][0], rel=1e-5
        )
        assert b"prepared" not in err


def test_every_batch_has_one_shape_and_little_is_read_ahead(runs, tmp_path, monkeypatch):
    read = []

    def black(path, preparation):
        read.append(path)
        return np.full(preparation.image_shape, 7, np.uint8)

    monkeypatch.setattr(stream, "read_picture", black)
    named = {f"{number}.png": "" for number in range(4 * 100 + 1)}
    batches = stream.read_batches(named, SQUARE, batch_size=4)
    first = next(batches)
    time.sleep(0.2)
    assert len(read) <= (1 + stream._AHEAD) * 4
    found = [first, *batches]
    assert {batch.images.shape for batch in found} == {(4, 16, 16, 3)} and len(found) == 101
    assert [path for batch in found for path in batch.paths] == list(named)
    assert (found[-1].images[0] == 7).all() and (found[-1].images[1:] == 0).all()
    for batch, size in ((SQUARE, 256), (Preparation(height=128, width=128, channels=3, resize="pad"), 64)):
        predictor = types.SimpleNamespace(
            num_views=1,
            preparation=batch,
            compiled=lambda size: lambda images: (np.zeros((len(images), 3)), np.zeros(len(images))),
        )
        (one, *_), *_ = command.predictions({**named}, predictor)
        assert len(one.images) == size


def test_a_picture_of_which_pillow_warns_is_read(runs, tmp_path, capsysbinary):
    """A note of the camera that is cut off; warnings are errors here."""
    note = b"Exif\0\0II*\0\x08\0\0\0\x05\0"
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg", exif=note)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(tmp_path / "a.jpg") as picture:
        picture.getexif().get(0x0112)
    predict(parsed(f"--run={runs[0]}", "--format=jsonl", tmp_path / "a.jpg"))
    out, err = capsysbinary.readouterr()
    assert read_jsonl(out)[0]["reason"] is None and err.count(b"\n") == 1


# Which pictures.


def test_pictures_are_named_by_files_folders_and_a_list(pictures, tmp_path):
    plain = make_picture(tmp_path / "no suffix")
    lines = os.fsencode(plain) + b"\n" + os.fsencode(tmp_path / "missing.png") + b"\n"
    found = stream.find_pictures([str(plain), str(pictures / "1"), "-"], lines)
    ones = [str(pictures / "1" / f"{number}.png") for number in (1, 3, 5, 7, 9)]
    assert list(found) == [str(plain), *ones, str(tmp_path / "missing.png")]
    beside = os.fsencode(f"{pictures}/./1//3.png\n")
    assert len(stream.find_pictures([str(pictures / "1"), "-"], beside)) == 5  # which is one of them
    assert stream.find_pictures(["-"], b"a\nb.png\0c.png\0") == {"a\nb.png": "", "c.png": ""}
    with pytest.raises(UsageError, match="there is no file or folder 'picture'; correct the path"):
        stream.find_pictures(["picture"], None)


def test_what_leads_out_of_a_folder_has_its_reason_in_its_place(runs, pictures, tmp_path, capsysbinary):
    home = tmp_path / "home"
    make_picture(home / "a.png")
    make_picture(home / "c.png")
    (home / "b.png").symlink_to(pictures / "0" / "0.png")
    predict(parsed(f"--run={runs[0]}", "--format=jsonl", home))
    rows = read_jsonl(capsysbinary.readouterr().out)
    assert [(Path(row["path"]).name, row["reason"] is None) for row in rows] == [
        ("a.png", True),
        ("b.png", False),
        ("c.png", True),
    ]
    assert "a link that leads out of the folder" in rows[1]["reason"]


def test_files_of_a_list_that_are_not_there_have_a_row(runs, tmp_path, monkeypatch, capsysbinary):
    os.mkfifo(tmp_path / "pipe")
    names = ["missing.png", "pipe", "folder"]
    (tmp_path / "folder").mkdir()
    content = b"\0".join(os.fsencode(tmp_path / name) for name in names)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content + b"\0")))
    counted = predict(parsed(f"--run={runs[0]}", "--format=jsonl", "-"))
    assert counted == {"pictures": 3, "unreadable": 3}
    reasons = [row["reason"] for row in read_jsonl(capsysbinary.readouterr().out)]
    assert reasons == ["No such file or directory", "not a regular file", "not a regular file"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_odd_names_come_back(runs, tmp_path, form, small_batches):
    for number, name in enumerate(HOSTILE):
        make_picture(tmp_path / "in" / name, seed=number)
    out = tmp_path / f"rows.{form}"
    predict(parsed(f"--run={runs[0]}", f"--out={out}", "--all", tmp_path / "in"))
    rows = read_csv(out.read_bytes()) if form == "csv" else read_jsonl(out.read_bytes())
    assert len(rows) == len(HOSTILE)
    if form == "csv":
        cells = [cell for row in rows for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert list(rows[0])[-3:] == [f"probability_{name}" for name in CLASSES]
    names = {row["path"].removeprefix("'" if form == "csv" else "") for row in rows}
    assert names == {str(tmp_path / "in" / name) for name in HOSTILE}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_odd_names_at_the_beginning_of_a_cell_come_back(form):
    table = Table(format=form, class_names=tuple(CLASSES), has_all=False)
    content = table.rows(HOSTILE, [""] * len(HOSTILE), np.eye(3)[np.zeros(20, int)], np.zeros(20))
    rows = read_csv(table.header() + content) if form == "csv" else read_jsonl(content)
    shown = [row["path"] for row in rows]
    if form == "csv":
        assert not [path for path in shown if path.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert {row["class"] for row in rows} == {"'=HYPERLINK(1)"}
        shown = [path.removeprefix("'") for path in shown]
    assert shown == HOSTILE
    done, length = table.read(io.BytesIO(table.header() + content))
    assert list(done) == HOSTILE and length == len(table.header() + content)


def test_a_cell_that_some_spreadsheets_would_part_is_quoted():
    table = Table(format="csv", class_names=("a", "b"), has_all=False)
    for path in ("x;=1+1.jpg", "x\t=1+1.jpg"):
        assert table.rows([path], [""], np.eye(2), np.zeros(2)).startswith(f'"{path}",'.encode())


# Unfinished files.


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_torn_anywhere_is_gone_on_with(form):
    table = Table(format=form, class_names=tuple(CLASSES), has_all=True)
    paths = ["a.png", 'two\n"lines".png', "c.png"]
    rows = [
        table.rows([path], [reason], np.eye(3)[:1], np.ones(1))
        for path, reason in zip(paths, ["", "x\ny", ""], strict=True)
    ]
    ends = list(itertools.accumulate([len(table.header()), *map(len, rows)]))
    content = table.header() + b"".join(rows)
    read = list(zip(paths, [True, False, True], strict=True))
    for torn in range(len(content) + 1):
        done, length = table.read(io.BytesIO(content[:torn]))
        assert length == max([end for end in ends if end <= torn], default=0)
        assert done == dict(read[: max(0, sum(end <= torn for end in ends) - 1)])
    assert table.read(io.BytesIO(content[: ends[1]] + b"\0" * 100))[1] == ends[1]
    assert table.read(io.BytesIO(content[: ends[1]] + b"{}\n[1]\nx,\n"))[1] == ends[1]


SLOW = """
import sys, time
from ssgan import predict
from ssgan.data.own import stream
read = stream.read_picture
stream.read_picture = lambda path, preparation: time.sleep(0.05) or read(path, preparation)
predict._LARGEST_BATCH = 4
predict.main()
"""


def killed(arguments, number, part):
    """Runs the command, slowly, until some rows are written, and sends a signal; returns its status and stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", SLOW, *map(str, arguments)]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not part.exists() or part.read_bytes().count(b"\n") < 5:
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(number)
    return process.wait(60), process.communicate()[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_is_gone_on_with(runs, tmp_path, number, capsys):
    for one in range(60):
        make_picture(tmp_path / "in" / f"{one:02}.png", seed=one)
    (tmp_path / "in" / "03.png").write_bytes(b"no picture")
    out, part = tmp_path / "rows.csv", tmp_path / "rows.csv.part"
    arguments = [f"--run={runs[0]}", f"--out={out}", tmp_path / "in"]
    status, err = killed(arguments, number, part)
    assert not out.exists()
    if number == signal.SIGKILL:
        assert status == -number
    else:
        assert status == 130 and err.startswith("stopped: SIGINT after ") and err.count("\n") == 1
        assert "of 60 pictures; repeat the command with --resume to go on" in err
        assert part.read_bytes().endswith(b"\n") and (part.read_bytes().count(b"\n") - 1) % 4 == 0
    before = part.read_bytes()
    with open(part, "ab") as file:
        file.write(b"'torn")
    assert predict(parsed(*arguments, "--resume")) == {"pictures": 60, "unreadable": 1}
    assert sorted(os.listdir(tmp_path)) == ["in", "rows.csv"]
    whole = before[: before.rindex(b"\n") + 1]
    assert out.read_bytes().startswith(whole)
    predict(parsed(f"--run={runs[0]}", f"--out={tmp_path / 'again.csv'}", tmp_path / "in"))
    once, again = read_csv(out.read_bytes()), read_csv((tmp_path / "again.csv").read_bytes())
    for key in ("path", "class", "reason"):
        assert [row[key] for row in once] == [row[key] for row in again]
    for key in ("probability", "outlier_score"):
        np.testing.assert_allclose(*([float(row[key] or 0) for row in rows] for rows in (once, again)), rtol=1e-5)
    assert predict(parsed(*arguments, "--resume")) == {"pictures": 0, "unreadable": 0}
    assert "rows.csv is finished; nothing was predicted" in capsys.readouterr().err


@pytest.fixture
def unfinished(runs, pictures, tmp_path, monkeypatch, small_batches):
    """The arguments with which a file was begun; an error of the disk stopped it after eight rows."""
    arguments = [f"--run={runs[0]}", f"--out={tmp_path / 'rows.csv'}", pictures]
    rows, calls = Table.rows, itertools.count()

    def failing(*args):
        if next(calls) == 2:
            raise OSError(28, "No space left on device")
        return rows(*args)

    with monkeypatch.context() as patched:
        patched.setattr(Table, "rows", failing)
        with pytest.raises(OSError, match="No space"):
            predict(parsed(*arguments))
    assert (tmp_path / "rows.csv.part").read_bytes().count(b"\n") == 9
    return arguments


def test_only_what_is_missing_is_predicted(unfinished, pictures, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        stream, "read_picture", lambda path, preparation: read.append(path) or read_picture(path, preparation)
    )
    added = make_picture(tmp_path / "added.png")
    assert predict(parsed(*unfinished, added, "--resume")) == {"pictures": 12, "unreadable": 1}
    everything = sorted(str(path) for path in pictures.rglob("*.*"))
    assert sorted(read) == sorted([*everything[8:], str(added)])
    assert [row["path"] for row in read_csv((tmp_path / "rows.csv").read_bytes())] == [*everything, str(added)]


def test_an_unfinished_file_of_something_else_is_refused(unfinished, runs, tmp_path):
    part = (tmp_path / "rows.csv.part").read_bytes()
    for arguments, message in (
        ([], "was begun .*add --resume"),
        (["--resume", f"--run={runs[1]}"], "begun otherwise: classifiers .*repeat the command as it was"),
        (["--resume", f"--run={','.join(runs)}"], "begun otherwise: classifiers"),
        (["--resume", "--all"], "otherwise: all True .before: False"),
        (["--resume", "--format=jsonl"], "otherwise: format jsonl .before: csv"),
    ):
        with pytest.raises(UsageError, match=message):
            predict(parsed(*unfinished, *arguments))
    assert (tmp_path / "rows.csv.part").read_bytes() == part
    (tmp_path / "rows.csv.part.json").unlink()
    with pytest.raises(UsageError, match=r"rows.csv.part.json cannot be read"):
        predict(parsed(*unfinished, "--resume"))


def test_two_processes_do_not_write_one_file(unfinished, tmp_path):
    with (
        filelock.FileLock(tmp_path / "rows.csv.part.lock"),
        pytest.raises(UsageError, match="another process is writing it"),
    ):
        predict(parsed(*unfinished, "--resume"))


def test_a_file_that_appears_meanwhile_is_not_overwritten(runs, pictures, tmp_path, monkeypatch):
    out, rows = tmp_path / "rows.csv", Table.rows
    monkeypatch.setattr(Table, "rows", lambda *args: out.write_text("mine") and rows(*args))
    with pytest.raises(UsageError, match="rows.csv exists, and is never overwritten"):
        predict(parsed(f"--run={runs[0]}", f"--out={out}", pictures))
    assert out.read_text() == "mine"


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no PATHS; name pictures"),
        (["--resume", "x.png"], "--resume goes on with a file; name it with --out=FILE"),
        (["--out=rows.txt", "x.png"], "--out=rows.txt: expected a name that ends in .csv or .jsonl"),
        (["--out=missing/rows.csv", "x.png"], "missing is not an existing folder"),
        (["--out=there.csv", "x.png"], "--out=there.csv exists, and is never overwritten"),
        (["x.png"], "there is no file or folder 'x.png'"),
        (["empty"], "holds no pictures"),
        (["there.csv", "--run=empty"], "there is no run"),
        (["there.csv", "--sha256=12"], "sha256"),
    ],
)
def test_what_cannot_be_meant_is_refused(runs, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("there.csv").write_text("x")
    Path("empty").mkdir()
    with pytest.raises(UsageError, match=message):
        predict(parsed(f"--run={runs[0]}", *arguments))
    assert sorted(os.listdir()) == ["empty", "there.csv"]


def test_runs_that_do_not_fit_each_other_are_no_ensemble(runs, tmp_path):
    wide = Preparation(height=16, width=32, channels=3, resize="crop")
    for number, (options, message) in enumerate(
        [
            ({"class_names": ["a", "b", "c"]}, "has the class_names"),
            ({"preparation": Preparation(**{**SQUARE.as_dict(), "resize": "pad"})}, "has the preparation"),
            ({"preparation": wide}, "has the preparation"),
        ]
    ):
        with pytest.raises(UsageError, match=message):
            read_predictor(f"{runs[0]},{make_run(tmp_path / str(number), **options)}")


def test_a_run_that_does_not_say_how_it_prepared_goes_with_one_on_a_data_set(tmp_path):
    whole = make_run(tmp_path / "whole", preparation=Preparation(**{**SQUARE.as_dict(), "resize": "whole"}))
    silent = make_run(tmp_path / "silent")
    about = files.read_json(silent / run.ABOUT)
    about.pop("preparation")
    files.write_json(silent / run.ABOUT, about)
    padded = make_run(tmp_path / "padded", preparation=Preparation(**{**SQUARE.as_dict(), "resize": "pad"}))
    assert read_predictor(str(padded)).preparation.resize == "pad"
    files.write_json(padded / run.ABOUT, {**files.read_json(padded / run.ABOUT), "source": "TFDS mnist 3.0.1"})
    assert read_predictor(str(padded)).preparation.resize == "whole"  # by version 0.6
    assert not read_predictor(str(whole)).is_assumed
    assert read_predictor(f"{whole},{silent}").is_assumed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"class_names": ["a", "b", 3]}, "class_names are .*expected texts"),
        ({"class_names": ["a", "b"]}, "of 3 classes; the run is said to be of .* of 2"),
        ({"image_shape": [16, 16, 1]}, "expected the same"),
        ({"preparation": {"height": 16}}, "about.json: a preparation of images is"),
        ({"preparation": Preparation(height=32, width=16, channels=3, resize="pad").as_dict()}, "expected the same"),
    ],
)
def test_a_run_whose_files_contradict_each_other_is_refused(tmp_path, changed, message):
    run_dir = make_run(tmp_path / "run")
    files.write_json(run_dir / run.ABOUT, {**files.read_json(run_dir / run.ABOUT), **changed})
    with pytest.raises(UsageError, match=message):
        read_predictor(str(run_dir))


def test_a_classifier_without_a_softmax_is_refused(tmp_path):
    run_dir = make_run(tmp_path / "run")
    images = keras.Input(SQUARE.image_shape)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(images))
    keras.Model(images, outputs).save(run_dir / CLASSIFIER_FILE)
    with pytest.raises(UsageError, match="ends in a Dense; expected the Softmax"):
        read_predictor(str(run_dir))


# The command.


def test_nobody_reads_the_output_any_more(runs, pictures, monkeypatch, small_batches):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(Stopped, match="nobody reads") as stopped:
            predict(parsed(f"--run={runs[0]}", pictures))
        assert stopped.value.status == 141
        with contextlib.suppress(BrokenPipeError):
            stdout.close()


def test_a_full_disk_ends_with_status_1(runs, pictures, monkeypatch, capsys):
    with open("/dev/full", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(SystemExit, match="1"):
            command.main(["predict", f"--run={runs[0]}", str(pictures)])
        with contextlib.suppress(OSError):
            stdout.close()
    assert "No space left on device" in capsys.readouterr().err


def test_the_command_as_a_process_of_its_own(runs, pictures, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "ssgan.predict", f"--run={runs[0]}", "-", "--format=jsonl"]
    names = b"".join(os.fsencode(path) + b"\n" for path in sorted(pictures.rglob("*.*")))
    done = subprocess.run(words, env=environment, cwd=tmp_path, input=names, capture_output=True)
    assert done.returncode == 0 and done.stderr == b"11 pictures, 1 of them unreadable (see reason)\n"
    assert len(read_jsonl(done.stdout)) == 11


def test_help_needs_no_tensorflow(capsys):
    code = "import sys, ssgan.predict; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode == 0
    with pytest.raises(SystemExit, match="0"):
        command.main(["predict", "--help"])
    told = capsys.readouterr().out
    assert "  PATHS ..." in told and "no probability of an error" in " ".join(told.split())


def test_two_workers_write_the_rows_of_one_in_a_file_each(runs, pictures, tmp_path, monkeypatch):
    predict(parsed(f"--run={runs[0]}", f"--out={tmp_path / 'alone.csv'}", pictures))
    for index in range(2):
        monkeypatch.setenv(cluster.TF_CONFIG, cluster.Cluster(workers=("a:1", "b:1"), index=index).as_tf_config())
        predict(parsed(f"--run={runs[0]}", f"--out={tmp_path / 'both.csv'}", pictures))
    rows = read_csv((tmp_path / "alone.csv").read_bytes())
    for index in range(2):
        share = read_csv((tmp_path / f"both.{index + 1}-of-2.csv").read_bytes())
        for row, other in zip(share, rows[index::2], strict=True):
            numbers = [name for name in row if row[name] and name in ("probability", "outlier_score")]
            assert [float(row.pop(name)) for name in numbers] == pytest.approx(
                [float(other.pop(name)) for name in numbers], abs=1e-5
            )
            assert row == other
    with pytest.raises(UsageError, match="several workers write a file each"):
        predict(parsed(f"--run={runs[0]}", pictures))
