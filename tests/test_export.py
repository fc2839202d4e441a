"""Exports: every format run in its own runtime, what stands beside it, and nothing where something is wrong."""

import contextlib
import dataclasses
import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

import ssgan
from ssgan import test_time
from ssgan.errors import UsageError
from ssgan.export import ExportConfig, export_run, main
from ssgan.formats import card, checked, origin
from ssgan.formats.runtimes import FORMATS
from ssgan.options import Config
from ssgan.store import files
from tests.finished import FIGURES, make_run

ROOT = Path(__file__).parent.parent
# What would be something else in YAML, Markdown, HTML or a path.
HOSTILE = (
    "yes",
    "~",
    "- a: b",
    "```\n# Mine",
    "</code><script>alert(1)</script>",
    "---\nlicense: mit",
    "{{7*7}}",
    "../../x",
    "犬 \u202e\ud83d",
    "",
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run with names that nobody should trust, in a folder with an odd name."""
    folder = tmp_path_factory.mktemp("exports") / "my run, größer"
    preparation = {"height": 16, "width": 16, "channels": 3, "resize": "crop"}
    names = {"class_names": HOSTILE, "dataset": "`x`\n# Theirs <b>", "preparation": preparation}
    return make_run(folder, **names, metrics={**FIGURES, "dataset": "a: *b\n---", "more": 1})


@pytest.fixture(scope="module")
def exported(run_dir):
    """A function that exports the run in a format, once, and returns the folder."""

    def export(name):
        for package in FORMATS[name].packages:
            pytest.importorskip(package)
        folder = run_dir / "export" / name
        if not folder.exists():
            main(["export", f"--run={run_dir}", f"--format={name}", "--license=mit"])
        return folder

    return export


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is written.


@pytest.mark.parametrize("name", FORMATS)
def test_it_gives_what_keras_gives_for_any_number_of_images(name, exported, run_dir):
    folder = exported(name)
    run = FORMATS[name].load(folder / FORMATS[name].file)
    pixels = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), np.uint8)
    expected = ssgan.load_classifier(run_dir).predict(pixels, verbose=0)
    for count in (5, 1, 3):
        found = run(pixels[:count])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[:count], atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_the_code_of_its_card_runs_as_it_stands(name, exported, monkeypatch):
    folder = exported(name)
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", (folder / card.FILE).read_text(), re.DOTALL)
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, card.FILE, "exec"), names)
    assert names["probabilities"].shape == (1, 10)
    assert printed.getvalue().rstrip("\n") == HOSTILE[names["probabilities"].argmax()]


@pytest.mark.parametrize("name", FORMATS)
def test_no_path_of_this_machine_is_in_it(name, exported, run_dir):
    for file, content in everything(exported(name)).items():
        for private in (run_dir.parent, ROOT, Path.home(), Path(sys.prefix), "/tmp/"):
            assert str(private).encode() not in content, file


@pytest.mark.parametrize("name", FORMATS)
def test_programs_find_beside_it_what_they_need(name, exported, run_dir):
    folder = exported(name)
    found = files.read_json(folder / "classifier.json")
    assert (folder / found["file"]).exists() and found["format"] == name
    assert found["classes"] == list(HOSTILE)
    assert found["preparation"] == {"height": 16, "width": 16, "channels": 3, "resize": "crop"}
    assert found["input"]["name"] == "images" and found["input"]["shape"] == [None, 16, 16, 3]
    assert found["input"]["dtype"] == "uint8" and found["input"]["range"] == [0, 255]
    assert found["output"]["name"] == "probabilities" and found["output"]["shape"] == [None, 10]
    assert found["figures"] == {**FIGURES, "dataset": "a: *b\n---"}
    assert found["classifier_sha256"] == files.sha256(run_dir / "classifier.keras")
    assert found["versions"]["ssgan"] == ssgan.__version__
    assert found["check"]["images"] == 64 and 0 <= found["check"]["largest_difference"] <= 1e-5


@pytest.mark.parametrize("name", ["keras", "onnx"])
def test_it_gives_the_mean_over_views_where_that_is_asked_for(name, run_dir, tmp_path):
    for package in FORMATS[name].packages:
        pytest.importorskip(package)
    main(["export", f"--run={run_dir}", f"--format={name}", f"--out={tmp_path / 'views'}", "--views"])
    run = FORMATS[name].load(tmp_path / "views" / FORMATS[name].file)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), np.uint8)
    seen = test_time.Views(shifts=(-1, 0, 1), inverts=True).of(pixels)
    classifier = ssgan.load_classifier(run_dir)
    expected = np.mean([classifier(seen[:, number]) for number in range(18)], axis=0)
    np.testing.assert_allclose(run(pixels), expected, atol=1e-6)
    description = files.read_json(tmp_path / "views" / "classifier.json")
    assert description["views"] == 18 and description["figures"] == {}  # the error was measured of one view
    assert "Each image is looked at in 18 ways" in (tmp_path / "views" / card.FILE).read_text()


def test_keras_own_file_is_copied_as_it_is(exported, run_dir):
    assert everything(exported("keras"))["classifier.keras"] == (run_dir / "classifier.keras").read_bytes()


def test_onnx_and_litert_name_what_goes_in_and_out(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(exported("onnx") / "classifier.onnx", providers=["CPUExecutionProvider"])
    (images,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape[1:]) == ("images", "tensor(uint8)", [16, 16, 3])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(str(exported("litert") / "classifier.tflite"))
    (signature,) = interpreter.get_signature_list().values()
    assert signature == {"inputs": ["images"], "outputs": ["probabilities"]}


def test_openvino_does_not_report_its_use(exported):
    exported("openvino")
    assert sys.modules["openvino_telemetry"] is None


# The card.

SUPERVISED = {"gan_weight": 0.0, "pseudo_label_weight": 0.0, "vat_weight": 0.0}


def parts_of(text: str) -> tuple[dict, str]:
    """Returns the metadata of a card, and its text."""
    _, metadata, body = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(metadata), body


def test_names_stay_what_they_are_in_the_card(exported):
    metadata, body = parts_of((exported("keras") / card.FILE).read_text())
    assert metadata["license"] == "mit" and metadata["library_name"] == "keras"
    assert metadata["pipeline_tag"] == "image-classification" and "keras" not in metadata["tags"]
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert model["name"] == "my run, größer" and result["task"] == {"type": "image-classification"}
    assert result["dataset"]["name"] == "a: *b\n---" and result["dataset"]["split"] == "test"
    assert {one["type"]: one["value"] for one in result["metrics"]} == {"accuracy": 0.875, "error": 0.125}
    outside = re.sub(r"^```.*?^```$|`[^`\n]*`", "", body, flags=re.DOTALL | re.MULTILINE)
    assert not re.search("Mine|Theirs|script|license|<b>|犬", outside), outside
    (names,) = re.findall(r"^```json\n(.*?)^```$", body, re.DOTALL | re.MULTILINE)
    assert json.loads(names)[:8] == list(HOSTILE[:8])
    assert "12.50 % on 1,000 test images of `a: *b ---`" in body
    assert "- Images: 3 of `'x' # Theirs <b>`." in body and "- Labels seen: 2;" in body
    assert "the short side fits" in body


def test_the_hub_can_read_the_card(exported):
    hub = pytest.importorskip("huggingface_hub")
    found = hub.ModelCard((exported("keras") / card.FILE).read_text())
    assert found.data.model_name == "my run, größer"
    assert [result.metric_value for result in found.data.eval_results] == [0.875, 0.125]


def test_without_a_test_the_card_says_so(tmp_path):
    found = origin.read(make_run(tmp_path / "run", shape=(16, 24, 1), synthetic=True, dataset="digits"))
    metadata, body = parts_of(card.text(found, "onnx", licence="other"))
    assert "model-index" not in metadata and "Not measured." in body and "onnx" in metadata["tags"]
    assert "16 x 24 pixels, grey" in body and "`digits`, drawn by a program" in body and "long side fits" in body


@pytest.mark.parametrize(
    ("options", "images", "said", "unsaid"),
    [
        ({}, 3, "Labels seen: 2; the other images were used without.", None),
        ({}, 2, "Labels seen: 2, one for each image.", None),
        ({"gan_weight": 0.0}, 3, "was trained by ssgan 0.2.1.\n", "semi-supervised GAN"),
        (SUPERVISED, 3, "Labels seen: 2; the other images were not used.", "semi-supervised GAN"),
    ],
)
def test_the_card_says_what_the_training_took(tmp_path, options, images, said, unsaid):
    about = {"num_train": images, "ssgan": "0.2.1"}
    found = origin.read(make_run(tmp_path / "run", options=Config(labels=2, **options), **about))
    _, body = parts_of(card.text(found, "keras", licence="mit"))
    assert said in body and "trained by ssgan 0.2.1" in body
    assert unsaid is None or unsaid not in body


# What is refused, of which nothing is left.


def refused(run_dir: Path, message: str, **options) -> None:
    """Expects one line that says so, and every file as it was."""
    before = everything(run_dir.parent)
    with pytest.raises(UsageError, match=message) as error:
        export_run(
            ExportConfig(run=str(run_dir), **{"format": "keras", "out": str(run_dir / "new" / "out"), **options})
        )
    assert "\n" not in str(error.value)
    assert everything(run_dir.parent) == before and not (run_dir / "new").exists()


def with_output(change):
    """Returns Keras' own format, whose runner's output is changed."""

    keras = FORMATS["keras"]

    def load(path):
        run = keras.load(path)
        return lambda images: change(run(images))

    return dataclasses.replace(keras, load=load)


def second_first(found):
    """Returns probabilities of which the two largest have changed places."""
    found, rows = found.copy(), np.arange(len(found))
    order = found.argsort(-1)
    found[rows, order[:, -1]], found[rows, order[:, -2]] = found[rows, order[:, -2]], found[rows, order[:, -1]]
    return found


@pytest.mark.parametrize(
    "change",
    [lambda found: found + 2e-5, lambda found: found * np.nan, lambda found: found[:, :-1], second_first],
    ids=["difference", "nan", "shape", "class"],
)
def test_another_result_than_keras_is_not_kept(change, run_dir, monkeypatch):
    monkeypatch.setitem(FORMATS, "keras", with_output(change))
    refused(run_dir, "--format=keras: probabilities differ from Keras' by up to .*: nothing is written")


def test_a_single_class_that_changes_is_noticed_however_close():
    expected = np.array([[0.5, 0.5 - 1e-7], [0.9, 0.1]])
    with pytest.raises(UsageError, match="the class of 1 of 2 images"):
        checked._difference(expected[:, ::-1] * [[1, 1], [0, 0]] + expected * [[0, 0], [1, 1]], expected, "onnx")
    assert checked._difference(expected + 9e-6, expected, "onnx") == pytest.approx(9e-6)


def test_the_images_of_the_check_are_smooth_and_not():
    images = checked.test_images((18, 16, 3))
    assert images.shape == (64, 18, 16, 3) and images.dtype == np.uint8
    changes = [(part[:, 1:] != part[:, :-1]).any(-1).mean() for part in np.split(images, 4)]
    assert np.all(np.abs(np.array(changes) - [1, 8 / 17, 4 / 17, 2 / 17]) < 0.01)


def test_what_cannot_be_converted_is_said_in_one_line(run_dir, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no such\noperation")

    monkeypatch.setattr("ssgan.formats.runtimes.write", fail)
    with pytest.raises(UsageError, match="--format=saved_model: .* cannot be converted.*RuntimeError: no such"):
        export_run(ExportConfig(run=str(run_dir), format="saved_model", out=str(run_dir / "new")))
    assert not (run_dir / "new").exists()


def test_a_missing_package_is_named_with_its_extra(run_dir, monkeypatch):
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], packages=("sys", "not_there")))
    refused(run_dir, r"--format=onnx needs not_there, .*pip install 'ssgan\[onnx\]'", format="onnx")


def test_every_format_that_needs_packages_has_an_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(FORMATS) - set(extras) == {name for name in FORMATS if not FORMATS[name].packages}
    choices = {field.name: field.metadata["choices"] for field in dataclasses.fields(ExportConfig)}
    assert choices["format"] == tuple(FORMATS)


def test_an_export_is_never_overwritten(exported, run_dir):
    before = everything(exported("keras"))
    refused(run_dir, "is there already; an export is never overwritten", out=None)
    assert everything(exported("keras")) == before


def test_a_format_has_to_be_named(run_dir):
    refused(run_dir, "--format is missing; expected one of keras, saved_model, onnx", format=None)
    with pytest.raises(UsageError, match="--format=pickle: expected one of"):
        ExportConfig(format="pickle")


@pytest.mark.parametrize(
    "about, message",
    [
        ({"class_names": list("abc")}, r"made for images \(16, 16, 3\) of 10 classes; .* of 3"),
        ({"class_names": [1] * 10}, "class_names is .*expected texts"),
        ({"image_shape": [16, 16, 1]}, r"the run is said to be of \(16, 16, 1\)"),
        ({"preparation": {"resize": "pad"}}, "a preparation of images is"),
        (
            {"preparation": {"height": 64, "width": 64, "channels": 3, "resize": "pad"}},
            r"images are \[16, 16, 3\], prepared as \(64, 64, 3\)",
        ),
    ],
)
def test_a_run_whose_files_do_not_fit_is_refused(about, message, run_dir, tmp_path):
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("classifier.keras", "label_mask.npz", "summary.json", "options.json"):
        (copy / name).write_bytes((run_dir / name).read_bytes())
    files.write_json(copy / "about.json", {**files.read_json(run_dir / "about.json"), **about})
    refused(copy, message)


@pytest.mark.parametrize("metrics", [{}, {**FIGURES, "test_error": "low"}, {**FIGURES, "dataset": None}])
def test_figures_that_are_none_are_refused(metrics, tmp_path):
    files.write_json(tmp_path / "metrics.json", metrics)
    with pytest.raises(UsageError, match="metrics.json: .* expected a"):
        origin._figures(tmp_path / "metrics.json")


def test_a_disk_error_leaves_nothing(run_dir, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stop:
        main(["export", f"--run={run_dir}", "--format=keras", f"--out={tmp_path / 'file' / 'out'}"])
    assert stop.value.code == 1 and capsys.readouterr().err.count("\n") == 1
    assert everything(tmp_path) == {"file": b""}


def test_the_help_needs_no_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "ssgan.export", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--format" in done.stdout and "openvino" in done.stdout
    assert "tensorflow" not in done.stderr and "keras" not in done.stderr
