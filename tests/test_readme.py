"""What the README and the pages of docs/ say can be pasted and run, is as short as it has to be, and up to date."""

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ssgan
from experiments import readme
from experiments.tables import TABLES
from ssgan.check import CheckConfig
from ssgan.eval import EvalConfig
from ssgan.export import ExportConfig, export_run
from ssgan.formats.runtimes import FORMATS
from ssgan.label import LabelConfig
from ssgan.launch import LaunchConfig
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.options.versions import RENAMED
from ssgan.predict import PredictConfig
from ssgan.sample import SampleConfig
from ssgan.train import train
from tests.finished import make_run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in readme.pages()}
PYTHON = {name: text for name, text in PAGES.items() if "```python" in text}
# The options of each command, and which of them its arguments without a name fill.
COMMANDS = {
    "ssgan.train": (Config, None),
    "ssgan.eval": (EvalConfig, None),
    "ssgan.predict": (PredictConfig, "paths"),
    "ssgan.export": (ExportConfig, None),
    "ssgan.sample": (SampleConfig, None),
    "ssgan.check": (CheckConfig, "folder"),
    "ssgan.label": (LabelConfig, "folder"),
    "ssgan.launch": (LaunchConfig, "command"),
}
# What stands in the place of what would take minutes.
QUICK = {"5_800": "2", "10_000": "2", "Discriminator(10)": 'Discriminator(10, arch="tiny")'}
QUICK |= {"width=16": "width=2", "width=32": "width=2"}
QUICK |= {
    'augment="affine"': 'augment="none"',
    "2000,": "1, unlabeled_start=0.0, gan_weight=0.0,",
    "every=250": "every=1",
}
_TINY = 'train_images=2000, arch="tiny", unlabeled_start=0.0, gan_every=1'
QUICK |= {'dataset="street_digits"': f'dataset="street_digits", {_TINY}'}
# What a page may ask a shell for besides ssgan's own commands and the experiments.
SHELL = {
    "mkdir photos",
    "mkdocs build --strict",
    "pip install -e .[docs]",
    "pip install -q .",
    "pip install -q mlflow",
    "pip install -q optuna",
    "pip install -q wandb",
    "python3 -m venv .venv",
    "source .venv/bin/activate",
    ".venv/bin/pip install -q .",
    ".venv/bin/pip install -q -e .[test]",
    ".venv/bin/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder",
}


def blocks(text, language):
    """Returns the code blocks of a page with the number of the line before each."""
    found = re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def shell_commands(text):
    """Returns the commands of the shell blocks of a page, each as a list of words."""
    lines = [line for _, block in blocks(text, "bash") for line in block.replace("\\\n", " ").split("\n")]
    commands = [shlex.split(command, comments=True) for line in lines for command in line.split(" && ")]
    return [command for command in commands if command]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A folder in which runs/quick is a run, of a small net that was not trained, and photos holds a picture."""
    folder = tmp_path_factory.mktemp("pages")
    preparation = {"height": 32, "width": 32, "channels": 3, "resize": "crop"}
    make_run(folder / "runs" / "quick", shape=(32, 32, 3), preparation=preparation)
    (folder / "photos").mkdir()
    Image.radial_gradient("L").save(folder / "photos" / "=round.jpg")
    return folder


def export_all():
    """Does what the page of exports has a shell do, but for formats whose packages are not there."""
    for name, one in FORMATS.items():
        for package in one.packages:
            pytest.importorskip(package)
        export_run(ExportConfig(run="runs/quick", format=name))


@pytest.mark.parametrize("page", PYTHON)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, run_folder, monkeypatch):
    """Its blocks share their names, as they do for who pastes them; nets are small, runs of 10,000 steps are of two."""
    monkeypatch.chdir(run_folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(run_folder / "cache"))
    names: dict = {"__name__": "__main__"}
    BEFORE.get(page, lambda: None)()
    for line, block in blocks(PYTHON[page], "python"):
        for written, quick in QUICK.items():
            block = block.replace(written, quick)
        exec(compile("\n" * line + block, page, "exec"), names)
    CHECKS.get(page, lambda names: None)(names)


def check_classifier(names):
    assert names["probabilities"].shape == (8, 10)
    assert names["model"].output_shape == (None, 3)
    assert len(names["model"].trainable_weights) == 2, "the extractor is not frozen"
    assert names["soon"].shape == (1, 10)
    assert ssgan.load_classifier("classifier.keras").output_shape == (None, 10)


def check_python(names):
    assert isinstance(names["again"], ssgan.SSGAN)
    assert names["again"].get_config()["discriminator"]["config"]["num_classes"] == 5


def check_predict(names):
    (row,) = names["rows"]
    assert names["path"] == "photos/=round.jpg" and Path(names["path"]).is_file()
    assert row["class"] == str(names["probabilities"].argmax())
    assert float(row["probability"]) == pytest.approx(names["probabilities"].max(), rel=1e-5)
    assert float(row["outlier_score"]) == pytest.approx(names["outlier_score"], rel=1e-5)


def check_term(names):
    assert len(names["history"].history["conditional_entropy"]) == 1


def check_export(names):
    found = [names[name] for name in names if name.startswith("by_")]
    assert len(found) == len(FORMATS) and names["classes"] == list("0123456789")
    for one in found:
        np.testing.assert_allclose(one, found[0], atol=1e-5)


def check_sklearn(names):
    assert names["plain"].output_shape == (None, 10)
    np.testing.assert_array_equal(names["again"].predict(names["X"]), names["classifier"].predict(names["X"]))


def check_callbacks(names):
    (trial,) = names["study"].trials
    assert trial.values[0] == trial.intermediate_values[2] and 0 <= trial.values[0] <= 1


BEFORE = {"docs/howto/export.md": export_all}
CHECKS = {
    "docs/howto/callbacks.md": check_callbacks,
    "docs/howto/export.md": check_export,
    "docs/howto/classifier.md": check_classifier,
    "docs/howto/predict.md": check_predict,
    "docs/howto/python.md": check_python,
    "docs/howto/sklearn.md": check_sklearn,
    "docs/howto/term.md": check_term,
}


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_the_recipe_of_a_package_that_the_tests_can_do_without(package, tmp_path, monkeypatch):
    pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    (block,) = [text for _, text in blocks(PAGES["docs/howto/callbacks.md"], "py") if f"import {package}\n" in text]
    options = {"dataset": "street_digits", "train_images": 600, "labels": 10, "arch": "tiny", "log_every": 1}
    config = Config(**options, total_steps=3, unlabeled_start=0.0, gan_every=1)
    exec(block.replace("=250", "=1"), names := {"train": train, "config": config})
    if package == "mlflow":
        (done,) = names["mlflow"].search_runs(output_format="list")
        assert 0 <= done.data.metrics["validation_error"] <= 1 and done.data.params["learning_rate"] == "0.001"
    else:
        assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))


@pytest.mark.parametrize("page", [page for page in PAGES if "```bash" in PAGES[page]])
def test_the_command_lines_of_a_page_are_valid(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in shell_commands(PAGES[page]):
        match words:
            case [_, "-m", command, *options] if command in COMMANDS:
                assert_parsed(command, options)
            case [command, *options] if (named := command.replace("-", ".")) in COMMANDS:
                assert_parsed(named, options)
            case ["python", "-m", module, *_] if module.startswith("experiments."):
                assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
            case _:
                assert " ".join(words) in SHELL, words


def assert_parsed(command, options):
    config_class, positional = COMMANDS[command]
    try:
        parse_flags(config_class, ["ssgan", *options], usage="", positional=positional)
    except SystemExit as ended:
        assert not ended.code and any(option.startswith("--help") for option in options), options


def test_the_readme_trains_and_tests_the_synthetic_quick_start():
    commands = [words for words in shell_commands(README) if "-m" in words and words[2].startswith("ssgan.")][:2]
    assert [words[2] for words in commands] == ["ssgan.train", "ssgan.eval"]
    options = parse_flags(Config, ["train", *commands[0][3:]], usage="")
    assert options.dataset == "street_digits"
    assert options.run_dir == parse_flags(EvalConfig, ["eval", *commands[1][3:]], usage="").run


def test_the_readme_is_short():
    assert len(README) <= 8000


@pytest.mark.parametrize("page", PAGES)
def test_the_options_that_a_page_names_exist(page):
    known = {*RENAMED, *(field.name for config_class, _ in COMMANDS.values() for field in fields(config_class))}
    known |= {"flagfile", "recipe", "nodeterministic", "noconditional", "help", "helpfull"}
    known |= {
        "check",
        "strict",
        "name",
        "dist",
        "no",
        "opt_out",
    }  # of experiments/readme.py, mkdocs, pytest and OpenVINO; --name=value stands for any
    known |= {"nodes", "ntasks", "gpus", "distribution"}  # of Slurm
    found = set(re.findall(r"(?<![\w-])--(\w+)", PAGES[page]))
    assert found <= known, found - known
    recipes = set(re.findall(r"--recipe=(\w+)", PAGES[page])) - {"NAME"}
    assert recipes <= {path.stem for path in (ROOT / "configs").glob("*.cfg")}


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", PAGES[page]):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), target


def test_the_page_of_all_options_has_every_group():
    page = PAGES["docs/reference/all_options.md"]
    groups = [name for name in TABLES if name.startswith("options ")]
    assert re.findall(r"<!-- table (.*?) -->", page) == groups
    assert set(re.findall(r"^\| `--(\w+)`", page, re.MULTILINE)) == set(vars(Config()))


def test_every_table_is_that_of_the_results():
    differing = [name for path in readme.pages() for name in readme.bring_up_to_date(path, write=False)]
    assert not differing, "write them with: python -m experiments.readme"


def test_every_table_stands_somewhere():
    assert {name for text in PAGES.values() for name in re.findall(r"<!-- table (.*?) -->", text)} == set(TABLES)


def test_a_table_that_differs_is_named_and_written_anew(tmp_path):
    page = tmp_path / "page.md"
    before = "Before.\n\n<!-- table faults -->\nold\n<!-- /table -->\n\nAfter.\n"
    page.write_text(before)
    assert readme.bring_up_to_date(page, write=False) == [f"{page}: faults"] and page.read_text() == before
    readme.bring_up_to_date(page, write=True)
    assert (
        page.read_text() == f"Before.\n\n<!-- table faults -->\n\n{TABLES['faults']()}\n\n<!-- /table -->\n\nAfter.\n"
    )
    assert readme.bring_up_to_date(page, write=False) == []


@pytest.mark.parametrize("text", ["<!-- table faults -->\n", "<!-- table unheard of -->\n<!-- /table -->\n"])
def test_a_table_without_end_or_of_no_known_name_is_refused(text, tmp_path):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(SystemExit, match="page.md: "):
        readme.bring_up_to_date(tmp_path / "page.md", write=True)
    assert (tmp_path / "page.md").read_text() == text


def test_the_check_names_what_differs_and_fails(tmp_path, monkeypatch, capsys):
    (tmp_path / "page.md").write_text("<!-- table faults -->\n<!-- /table -->\n")
    monkeypatch.setattr(readme, "pages", lambda: [tmp_path / "page.md"])
    monkeypatch.setattr(sys, "argv", ["readme.py", "--check"])
    with pytest.raises(SystemExit, match="page.md: faults"):
        readme.main()
    monkeypatch.setattr(sys, "argv", ["readme.py"])
    readme.main()
    assert "page.md: faults" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["readme.py", "--check"])
    readme.main()


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    extract = next(line for line in script.splitlines() if line.startswith("command="))
    done = subprocess.run(["bash", "-c", f'{extract}; echo "$command"'], cwd=ROOT, capture_output=True, text=True)
    assert "-m pytest -q" in done.stdout
    assert f"```bash\n{done.stdout.strip()}\n```" in README
