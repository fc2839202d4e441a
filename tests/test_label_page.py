"""The page in a browser, by its keys alone: a person labels, errs, undoes; the server is killed; the person goes on."""

import re
import signal

import pytest

from ssgan.data import own
from tests.label_page import FIRST, Page, folder_of, truth
from tests.photos import COLORS
from tests.test_page import browser  # noqa: F401 - a fixture

CLASSES = tuple(COLORS)


class Person:
    """Somebody at the page of a folder, without a mouse."""

    def __init__(self, tab, page):
        self.tab = tab
        self.problems = []
        tab.set_default_timeout(15_000)
        tab.on("console", lambda message: self.problems.append(message.text))
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("request", lambda request: self.problems.append(request.url) if self.is_foreign(request.url) else None)
        self.page = page
        tab.goto(page.address)
        tab.locator("#one img").wait_for()

    def is_foreign(self, url):
        return not url.startswith((f"http://{self.page.host}/", "blob:", "data:"))

    @property
    def sees(self):
        return int(self.tab.locator("#one img").get_attribute("data-id"))

    def press(self, key):
        """Presses a key that brings another picture."""
        before = self.sees
        self.tab.keyboard.press(key)
        self.tab.locator(f"#one img:not([data-id='{before}'])").wait_for()

    def labels(self, count):
        for _ in range(count):
            self.press(str(truth(self.sees) + 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("browser"), 45)


@pytest.fixture
def start():
    """Starts the page of a folder; all of them have ended when the test has."""
    started = []

    def started_page(*arguments):
        started.append(Page(*arguments))
        return started[-1]

    yield started_page
    for page in started:
        page.process.kill()
        page.process.communicate()


@pytest.fixture
def tab(browser):  # noqa: F811
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def said(folder):
    """The labels that training reads."""
    entries = own.find(folder, labels_file=folder.parent / "labels.csv").entries
    return {int(key.split("/")[1][:-4]) - FIRST: entry.label for key, entry in entries.items() if entry.label}


def test_a_session_of_thirty_labels_with_an_undo_and_a_killed_server(folder, tab, start):
    page = start(folder, f"--classes={','.join(CLASSES)}")
    person = Person(tab, page)
    person.labels(12)
    wrong = person.sees
    person.press("1" if truth(wrong) else "2")
    assert said(folder)[wrong] != CLASSES[truth(wrong)]
    person.press("u")
    assert person.sees == wrong and wrong not in said(folder)
    person.press("s")
    broken = person.sees
    person.press("b")
    tab.keyboard.press("/")
    by_name = person.sees
    tab.keyboard.type("ap")
    assert "apple" in tab.locator("#hint").inner_text()
    tab.keyboard.press("Enter")
    tab.locator(f"#one img:not([data-id='{by_name}'])").wait_for()
    assert said(folder)[by_name] == "apple"
    person.press("u")
    person.labels(6)
    page.process.kill()
    page.process.communicate()
    known = said(folder)
    assert len(known) == 18 and known == {number: CLASSES[truth(number)] for number in known}
    tab.keyboard.press("1")
    tab.locator("#error").wait_for()
    assert "has ended" in tab.locator("#error").inner_text() and said(folder) == known
    person.problems.clear()  # of the server that was gone

    page = start(folder, f"--classes={','.join(CLASSES)}")
    tab.goto("about:blank")
    person = Person(tab, page)
    assert "18" in tab.locator("#labelled").inner_text() and person.sees not in known
    person.labels(12)
    known = said(folder)
    assert len(known) == 30 and known == {number: CLASSES[truth(number)] for number in known}
    assert broken not in known
    assert tab.locator("#counts").inner_text() == "in labels.csv · 1 broken"  # what was skipped came again
    assert not person.problems
    status, out, _ = page.end(signal.SIGINT)
    assert status == 0 and out == "30 labels of 45 pictures are in labels.csv\n"


def test_the_grid_labels_what_is_selected_and_a_name_becomes_a_class(folder, tab, start):
    page = start(folder, f"--labels_file={folder.parent}/grid.csv")
    person = Person(tab, page)
    assert tab.evaluate("document.activeElement.id") == "search"  # there is no class yet
    tab.keyboard.type("zwölf <b>")
    tab.keyboard.press("Enter")
    tab.locator("#classes bdi", has_text="zwölf <b>").wait_for()
    tab.locator("#labelled", has_text="1").wait_for()
    tab.keyboard.press("v")
    tab.locator("#grid [data-id]").nth(14).wait_for()
    ids = [int(cell.get_attribute("data-id")) for cell in tab.locator("#grid > div").all()]
    for key in ("ArrowRight", " ", "ArrowDown", " ", "ArrowLeft"):
        tab.keyboard.press(key)
    assert tab.locator("[aria-selected=true]").count() == 2
    tab.keyboard.press("1")
    tab.locator("#labelled", has_text="3").wait_for()
    after = [int(cell.get_attribute("data-id")) for cell in tab.locator("#grid > div").all()]
    assert [number for number in ids if number not in after] == [ids[1], ids[6]]
    assert tab.evaluate("document.activeElement.tabIndex") == 0  # the grid keeps the focus
    tab.keyboard.press("u")
    tab.locator("#labelled", has_text="1").wait_for()
    tab.keyboard.press("?")
    assert tab.locator("dialog").is_visible() and tab.locator("#labelled").inner_text() == "1"
    tab.keyboard.press("2")
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog").is_visible() and not person.problems
    (folder.parent / "grid.csv").write_text('filename,label,split\n_unlabeled/2000.png,"zwölf <b>",\n')
    tab.keyboard.press("1")
    tab.locator("#notice").wait_for()
    assert "changed by another program" in tab.locator("#notice").inner_text()
    tab.locator("#notice button").press("Enter")
    tab.locator("#notice").wait_for(state="hidden")

    for width, scheme in ((390, "dark"), (1280, "dark"), (390, "light"), (1280, "light")):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 800})
        colour = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", colour))) < 100) == (scheme == "dark")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unnamed = """[...document.querySelectorAll("button, input, progress, img, [role=option], [role=group]")].filter(
        (one) => one.checkVisibility() && !one.innerText && !one.ariaLabel && !one.alt && !one.labels?.length
            && !one.querySelector("img[alt]")).map((one) => one.outerHTML)"""
    assert tab.evaluate(unnamed) == []
    assert not person.problems


def test_a_page_without_its_token_says_what_to_do(folder, tab, start):
    page = start(folder, f"--labels_file={folder.parent}/third.csv")
    tab.goto(page.address.partition("#")[0])
    tab.locator("#error").wait_for()
    assert "open the address that the command printed" in tab.locator("#error").inner_text()
