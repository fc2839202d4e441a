"""What the README says can be pasted and run."""

import re
import subprocess
from pathlib import Path

import keras
import pytest

import ssgan
from ssgan.classifier import CLASSIFIER_FILE, to_classifier
from ssgan.options import Config
from ssgan.options.flags import parse_flags

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_python_snippets_run(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "quick").mkdir(parents=True)
    gan = ssgan.SSGAN(ssgan.Discriminator(10), ssgan.Generator((32, 32, 3), width=2))
    to_classifier(gan.ema_discriminator, (32, 32, 3)).save(tmp_path / "runs" / "quick" / CLASSIFIER_FILE)
    names: dict = {}
    exec(compile(snippet, "README.md", "exec"), names)
    if "pipeline" in names:
        assert names["probabilities"].shape == (8, 10)
        assert names["model"].output_shape == (None, 3)
        assert len(names["model"].trainable_weights) == 2, "the extractor is not frozen"
        assert (tmp_path / "runs" / "quick" / "saved_model" / "saved_model.pb").is_file()
    else:
        assert isinstance(names["gan"], keras.Model) and int(names["gan"].steps_done) == 5


def test_there_are_the_two_snippets_and_the_two_commands():
    assert len(SNIPPETS) == 2
    assert len(re.findall(r"```bash\npython3 -m venv \.venv && ", README)) == 2


def test_the_options_that_the_readme_names_exist():
    command = next(line for line in README.splitlines() if "-m ssgan.train --flagfile" in line)
    flags = re.findall(r"--(\w+)", README)
    known = {*vars(Config()), "flagfile", "run", "sha256", "split", "nodeterministic", "help"}
    assert set(flags) <= known, set(flags) - known
    training = command.split("ssgan.train ")[1].split(" && ")[0]
    options = parse_flags(Config, ["train", *training.replace("configs/", f"{ROOT}/configs/").split()], usage="")
    assert options.dataset == "street_digits"


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    extract = next(line for line in script.splitlines() if line.startswith("command="))
    done = subprocess.run(["bash", "-c", f'{extract}; echo "$command"'], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("-m pytest -q")
    assert f"```bash\n{done.stdout.strip()}\n```" in README
