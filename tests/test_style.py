"""The checks of `ruff` and `mypy`, so that one command runs them all, and of the papers around the source."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ssgan

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing(arguments):
    pytest.importorskip("ruff")
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_finds_nothing():
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "ssgan", "experiments"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_citation_and_changelog_name_one_version_and_one_licence():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    cited = dict(re.findall(r"^([a-z-]+): (.+)$", citation, re.MULTILINE))
    newest, date = re.findall(r"^## \[(\d.*?)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert cited["version"] == newest == ssgan.__version__
    assert cited["date-released"] == date
    assert cited["license"] == package["license"] == "Apache-2.0"
    assert all((ROOT / name).read_text().lstrip().startswith("Apache License") for name in package["license-files"])
