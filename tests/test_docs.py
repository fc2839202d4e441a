"""The pages of docs/ become a site without a warning, and without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_is_built_and_every_page_stands_in_its_menu(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    named = set(re.findall(r": (\S+)\.md$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {str(page) for page in pages} == named
    for page in pages:
        assert (site / page.parent / ("" if page.name == "index" else page.name) / "index.html").is_file()


def test_a_reader_fetches_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        fetched = re.findall(r'<(?:script|img|link)\b[^>]*?(?:src|href)="((?:https?:)?//[^"]+)"', page.read_text())
        assert not fetched, (page, fetched)


def test_the_reference_holds_the_docstrings(site):
    shown = re.sub(r"<[^>]+>", "", (site / "reference" / "terms" / "index.html").read_text())
    assert "Distance between the mean features of real and of generated images" in shown
    assert "at least 0." in shown


def test_files_of_the_repository_that_a_page_links_to_are_part_of_the_site(site):
    page = (site / "results" / "index.html").read_text()
    (source,) = set(re.findall(r'src="([^"]+svhn_lite_1000\.png)"', page))
    original = ROOT / "experiments" / "results" / "svhn_lite_1000.png"
    assert (site / "results" / source).read_bytes() == original.read_bytes()
