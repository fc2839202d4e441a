"""The page of `ssgan.eval`: what it says, of whatever names, and how a browser shows it."""

import dataclasses
import html.parser
import os
import re
import shutil
from pathlib import Path

import markupsafe
import numpy as np
import pytest

from ssgan.evaluate.classification import Evaluation
from ssgan.report.html import pictures, words
from tests import page_parts
from tests.page_parts import NAMES

HOSTILE = (
    "<script>alert(1)</script>",
    "\" onerror='alert(2)' x=\"",
    "x" * 5000,
    "\u202etxet derorrim",
    "قطة سوداء",
    "👩\u200d👩\u200d👧\u200d👦 家族",
    "{{ 7 * 7 }}{% raw %}",
    "",
    "line\nbreak\x00\x1b[31m",
    "\udcff not text",
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Reader(html.parser.HTMLParser):
    """What a page consists of: tags with attributes, and text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for found, attributes in self.tags if found == tag]


def check(page: str) -> Reader:
    """Checks what holds for every page, and returns it taken apart."""
    read = Reader(page)
    assert len(page.encode()) <= 1_000_000
    assert not {"script", "iframe", "object", "link rel=stylesheet", "form"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert re.match("data:|#|$", attributes.get(name, "")), attributes
    assert all(image["alt"].strip() for image in read.all("img"))
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    targets = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert {link["href"] for link in read.all("a")} <= {f"#{target}" for target in targets}
    return read


QUALITY = {
    "images": 500,
    "features": 128,
    "feature_net": "random <b>",
    "generated": {"coverage": 0.8125, "support": None, "classification_error": 0.25},
    "real": {"coverage": 0.97, "support": 1234.0, "classification_error": 0.01},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    """Pages with tidy names, with hostile ones, and with many."""
    pages = {}
    for kind, names in (
        ("tidy", NAMES),
        ("hostile", HOSTILE),
        ("many", tuple(f"a class named {i}" for i in range(40))),
    ):
        folder = tmp_path_factory.mktemp(kind)
        hostile = {"source": HOSTILE[2], "processor": HOSTILE[0], "date": HOSTILE[8], "gpu": HOSTILE[9]}
        of = page_parts.found(page_parts.training(names), **(hostile if kind == "hostile" else {}))
        what = dataclasses.replace(page_parts.tested(names), title=names[0], tested_on=names[1])
        page_parts.write(folder, what, of, QUALITY)
        pages[kind] = folder / "report.html"
    return pages


@pytest.fixture(scope="module")
def page(written):
    return Reader(written["tidy"].read_text("utf-8"))


def test_the_page_says_the_error_with_its_interval_and_what_was_trained_on(page):
    evaluation = page_parts.tested().evaluation
    text = " ".join(page.text.split())
    low, high = map(words.percent, evaluation.interval)
    assert words.percent(evaluation.error) in text and f"95 % interval {low} to {high}" in text
    assert f"{evaluation.errors} of 200 images" in text
    assert "30, 3 per class (balanced, label seed 0)" in text and "1,000 steps in 5 min" in text
    assert "ssgan 1.0" in text and "--label_seed" in text


def test_the_page_shows_every_section_with_its_pictures(page):
    images = page.all("img")
    alts = [image["alt"] for image in images]
    assert sum(alt.startswith("Test image of class") for alt in alts) == 12 + min(
        24, page_parts.tested().evaluation.errors
    )
    assert sum(alt.startswith("Training image with the label") for alt in alts) == 24
    assert sum(alt.startswith("Test image, ") for alt in alts) == 12
    assert any(alt.startswith("Learning curves") for alt in alts) and any(alt.startswith("A grid") for alt in alts)
    assert "the same pixels" in page.text and "nearly the same, other label" in page.text
    assert "24 of 200 images tested on are among the 60 of the training" in page.text
    assert "test row 2" in page.text and "train row 1" in page.text


def test_files_are_named_where_the_source_knows_them(tmp_path):
    what = page_parts.tested()
    keys = tuple(f"animals/<b>{row}</b>.jpg" for row in range(200))
    source = type(
        "Files", (), {"keys": keys, **{name: getattr(what.images, name) for name in dir(what.images) if name[0] != "_"}}
    )
    source.__len__ = lambda self: 200
    what = dataclasses.replace(what, images=source())
    read = check(page_parts.write(tmp_path, what, page_parts.found(None, missing="x")))
    assert re.search(r"animals/<b>\d+</b>\.jpg", read.text) and not read.all("b")[0].get("class")


def test_images_of_the_training_that_are_gone_are_said_to_be(tmp_path):
    read = check(page_parts.write(tmp_path, page_parts.tested(), page_parts.found(None, missing="<they> moved")))
    assert read.text.count("Not looked for: <they> moved.") == 2 and "labels used" in read.text


@pytest.mark.parametrize("label", range(len(HOSTILE)))
def test_hostile_names_are_escaped_cut_and_kept_apart(written, label):
    page = written["hostile"].read_text("utf-8")
    shown = words.ClassNames(HOSTILE)[label]
    assert "<script" not in page.lower() and "x" * 301 not in page and "49" not in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert shown and len(shown) <= words.LONGEST_NAME
    isolated = re.findall(r"<bdi[^>]*>(.*?)</bdi>", page)
    assert str(markupsafe.escape(shown)) in isolated


@pytest.mark.parametrize("kind", ["tidy", "hostile", "many"])
def test_every_page_is_one_file_in_order(written, kind):
    check(written[kind].read_text("utf-8"))


def test_a_hundred_thousand_classes_fit(tmp_path):
    names = tuple(f"class <{label}> of many" for label in range(100_000))
    what = page_parts.tested(count=50)
    labels, probabilities = np.arange(50, dtype=np.int32) * 2000, np.zeros((50, 100_000), np.float32)
    probabilities[np.arange(50), labels + (np.arange(50) % 2)] = 1.0

    class Many(Evaluation):
        """The matrix of so many classes would fill 80 GB."""

        images, errors, error, interval = 50, 25, 0.5, (0.4, 0.6)
        class_counts = tuple(np.bincount(labels, minlength=100_000).tolist())
        class_errors = tuple(float(label % 4000 == 2000) if label % 2000 == 0 else None for label in range(100_000))

    many = Many(class_names=names, confusion=np.empty((0, 0), int), calibration_error=0.1, negative_log_likelihood=9.0)
    images = dataclasses.replace(what.images, labels=labels, class_names=names)
    what = dataclasses.replace(what, images=images, probabilities=probabilities, evaluation=many, raw=many)
    read = check(page_parts.write(tmp_path, what, page_parts.found(page_parts.training(names))))
    assert "The 100 classes with the highest error, of 100,000." in read.text
    assert "class <2000> of many" in read.text and "too many classes to draw one" in read.text


def test_many_large_noisy_images_still_fit(tmp_path):
    names = tuple(f"{label} {'w' * 200}" for label in range(200))
    what = page_parts.tested(names, count=400, size=128, noise=True)
    check(page_parts.write(tmp_path, what, page_parts.found(page_parts.training(names, size=128, noise=True))))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(99), b"GIF89a" + bytes(50)])
def test_a_damaged_picture_in_the_run_folder_is_left_out(tmp_path, content):
    (tmp_path / "curves.png").write_bytes(content)
    assert pictures.plot(tmp_path / "curves.png", max_bytes=1000) is None
    assert pictures.plot(tmp_path / "missing.png", max_bytes=1000) is None


def test_a_bomb_in_the_run_folder_is_left_out(tmp_path):
    from PIL import Image

    Image.new("1", (6000, 6000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    assert pictures.plot(tmp_path / "bomb.png", max_bytes=1000) is None


# --- in a browser ---


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install '.[test]')"
    )
    if CHROMIUM is None:
        missing = pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip
        missing("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        opened = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield opened
        opened.close()


@pytest.mark.parametrize("kind", ["tidy", "hostile", "many"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_shows_the_page_without_sideways_scrolling(browser, written, kind, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    errors, requests = [], []
    tab.on("console", lambda message: errors.append(message.text))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url[:100]))
    tab.goto(written[kind].as_uri())
    for opened in tab.query_selector_all("details"):
        opened.evaluate("element => element.open = true")
    sizes = tab.evaluate(
        """async () => {
            for (const image of document.images) { image.loading = "eager"; await image.decode(); }
            return [...document.images].map(image => [image.naturalWidth, image.clientWidth, image.clientHeight]);
        }"""
    )
    assert len(sizes) > 60 and all(min(size) > 0 for size in sizes)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark))) < 100) == (scheme == "dark")
    assert not errors and all(url.startswith(("data:", "file:")) for url in requests)
    assert [url for url in requests if url.startswith("file:")] == [written[kind].as_uri()[:100]]
    context.close()


def test_the_page_shows_how_good_generated_images_are(tmp_path):
    of_no_class = page_parts.found(page_parts.training())
    of_no_class.options["conditional"] = False
    text = page_parts.write(tmp_path, page_parts.tested(), of_no_class, QUALITY)
    assert '<a href="#generated">' in text and "A row for each class" not in text
    assert "500 of each kind, 128 features of the net random &lt;b&gt;" in text
    (row,) = re.findall(r"<tr><th scope=\"row\">coverage</th>(.*?)</tr>", text)
    assert re.findall("<td>(.*?)</td>", row) == ["81.2 %", "97.0 %", "as real"]
    (row,) = re.findall(r"<tr><th scope=\"row\">different images, estimated</th>(.*?)</tr>", text)
    assert re.findall("<td>(.*?)</td>", row) == ["-", "1,234", "higher"]
    conditional = page_parts.found(page_parts.training())
    assert "A row for each class" in page_parts.write(tmp_path, page_parts.tested(), conditional, QUALITY)
