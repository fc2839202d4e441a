"""What the README and the pages of docs/ say can be pasted and run, is as short as it has to be, and up to date."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import ssgan
from experiments import readme
from experiments.tables import TABLES
from ssgan.classifier import CLASSIFIER_FILE, to_classifier
from ssgan.eval import EvalConfig
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.options.versions import RENAMED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in readme.pages()}
PYTHON = {name: text for name, text in PAGES.items() if "```python" in text}
# What stands in the place of what would take minutes.
QUICK = {"10_000": "2", "Discriminator(10)": 'Discriminator(10, arch="tiny")', "width=16": "width=2"}
# What a page may ask a shell for besides ssgan's own commands and the experiments.
SHELL = {
    "mkdocs build --strict",
    "pip install -e .[docs]",
    "pip install -q .",
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
    """A folder in which runs/quick holds a classifier, of a small net that was not trained."""
    folder = tmp_path_factory.mktemp("pages")
    gan = ssgan.SSGAN(ssgan.Discriminator(10, arch="tiny"), ssgan.Generator((32, 32, 3), width=2))
    (folder / "runs" / "quick").mkdir(parents=True)
    to_classifier(gan.ema_discriminator).save(folder / "runs" / "quick" / CLASSIFIER_FILE)
    return folder


@pytest.mark.parametrize("page", PYTHON)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, run_folder, monkeypatch):
    """Its blocks share their names, as they do for who pastes them; nets are small, runs of 10,000 steps are of two."""
    monkeypatch.chdir(run_folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(run_folder / "cache"))
    names: dict = {"__name__": "__main__"}
    for line, block in blocks(PYTHON[page], "python"):
        for written, quick in QUICK.items():
            block = block.replace(written, quick)
        exec(compile("\n" * line + block, page, "exec"), names)
    CHECKS.get(page, lambda names: None)(names)


def check_classifier(names):
    assert names["probabilities"].shape == (8, 10)
    assert names["model"].output_shape == (None, 3)
    assert len(names["model"].trainable_weights) == 2, "the extractor is not frozen"
    assert Path("runs/quick/saved_model/saved_model.pb").is_file()
    assert ssgan.load_classifier("classifier.keras").output_shape == (None, 10)


def check_python(names):
    assert isinstance(names["again"], ssgan.SSGAN)
    assert names["again"].get_config()["discriminator"]["config"]["num_classes"] == 5


def check_term(names):
    assert len(names["history"].history["conditional_entropy"]) == 1


CHECKS = {
    "docs/howto/classifier.md": check_classifier,
    "docs/howto/python.md": check_python,
    "docs/howto/term.md": check_term,
}


@pytest.mark.parametrize("page", [page for page in PAGES if "```bash" in PAGES[page]])
def test_the_command_lines_of_a_page_are_valid(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in shell_commands(PAGES[page]):
        match words:
            case [_, "-m", "ssgan.train", *options] | ["ssgan-train", *options]:
                assert_parsed(Config, options)
            case [_, "-m", "ssgan.eval", *options] | ["ssgan-eval", *options]:
                assert_parsed(EvalConfig, options)
            case ["python", "-m", module, *_] if module.startswith("experiments."):
                assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
            case _:
                assert " ".join(words) in SHELL, words


def assert_parsed(config_class, options):
    try:
        parse_flags(config_class, ["ssgan", *options], usage="")
    except SystemExit as ended:
        assert not ended.code and any(option.startswith("--help") for option in options), options


def test_the_readme_trains_and_tests_the_synthetic_quick_start():
    commands = [words for words in shell_commands(README) if "-m" in words and words[2].startswith("ssgan.")]
    assert [words[2] for words in commands] == ["ssgan.train", "ssgan.eval"]
    options = parse_flags(Config, ["train", *commands[0][3:]], usage="")
    assert options.dataset == "street_digits"
    assert options.run_dir == parse_flags(EvalConfig, ["eval", *commands[1][3:]], usage="").run


def test_the_readme_is_short():
    assert len(README) <= 8000


@pytest.mark.parametrize("page", PAGES)
def test_the_options_that_a_page_names_exist(page):
    known = {*vars(Config()), *vars(EvalConfig()), *RENAMED}
    known |= {"flagfile", "recipe", "nodeterministic", "help", "helpfull"}
    known |= {
        "check",
        "strict",
        "name",
        "dist",
        "no",
    }  # of experiments/readme.py, mkdocs and pytest; --name=value stands for any
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
