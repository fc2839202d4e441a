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

    def press_by_code(self, digit):
        """Presses a digit on a keyboard on which it needs Shift, without it."""
        before = self.sees
        event = f"new KeyboardEvent('keydown', {{key: '&', code: 'Digit{digit}', bubbles: true}})"
        self.tab.evaluate(f"document.body.dispatchEvent({event})")
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
    entries = own.find(folder, labels_file=folder.parent / f"{folder.name}-labels.csv").entries
    return {int(key.split("/")[1][:-4]) - FIRST: entry.label for key, entry in entries.items() if entry.label}


def press_before_a_picture_is_seen(tab, page):
    """Presses a key while pictures are under way: nobody has seen what it would be about."""
    held = []
    tab.route("**/api/image/large/*", lambda route: held.append(route))
    tab.goto(page.address)
    tab.locator("#classes li").first.wait_for()
    tab.keyboard.press("1")
    tab.wait_for_timeout(200)
    assert page.ask("state")["totals"]["labelled"] == 0
    tab.unroute("**/api/image/large/*")
    tab.goto("about:blank")


def look_again(tab, person, kept, other):
    """Has a second look at two labels, by keys."""
    doubts = [{"id": number, "label": "x", "predicted": "y", "name": "z.png"} for number in (kept, other)]
    tab.route("**/api/suspects", lambda route: route.fulfill(json={"suspects": doubts}))
    person.press("d")
    assert person.sees == kept and tab.locator("#said").inner_text() == "Labelled x; what looks like it is y."
    person.press("s")
    assert person.sees == other
    person.press("d")
    person.press("d")
    assert person.sees == other  # the first one was kept
    tab.keyboard.press("1" if truth(other) else "2")
    tab.locator("#empty", has_text="No label is in doubt").wait_for()
    tab.keyboard.press("u")
    tab.locator(f"#one img[data-id='{other}']").wait_for()


def test_a_session_of_thirty_labels_with_an_undo_and_a_killed_server(folder, tab, start):
    page = start(folder, f"--classes={','.join(CLASSES)}")
    press_before_a_picture_is_seen(tab, page)
    person = Person(tab, page)
    assert tab.locator("#name").inner_text() == f"_unlabeled/{FIRST + person.sees}.png"
    person.labels(10)
    person.press_by_code(truth(person.sees) + 1)
    before = person.sees
    tab.locator("#classes button").nth(truth(before)).press("Enter")
    tab.locator(f"#one img:not([data-id='{before}'])").wait_for()
    assert tab.evaluate(
        "[...document.activeElement.closest('li').parentElement.children].findIndex(li => li.contains("
        "document.activeElement))"
    ) == truth(before)  # the button keeps the focus
    wrong = person.sees
    person.press("1" if truth(wrong) else "2")
    assert said(folder)[wrong] != CLASSES[truth(wrong)]
    person.press("U")  # Caps Lock is on
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
    damaged = page.chosen()["next"][1]
    (folder / f"_unlabeled/{FIRST + damaged}.png").write_bytes(b"")
    person = Person(tab, page)
    assert "18" in tab.locator("#labelled").inner_text() and person.sees not in known
    tab.keyboard.press(str(truth(person.sees) + 1))
    tab.locator("#empty", has_text="cannot be read").wait_for()
    assert "Press b if it is broken" in tab.locator("#empty").inner_text() and tab.locator("#one").is_hidden()
    assert tab.locator("#name").inner_text() == f"_unlabeled/{FIRST + damaged}.png"
    tab.keyboard.press("b")
    tab.locator("#one img").wait_for()
    person.problems = [one for one in person.problems if "404" not in one]
    person.labels(11)
    known = said(folder)
    assert len(known) == 30 and known == {number: CLASSES[truth(number)] for number in known}
    assert broken not in known and damaged not in known
    assert (
        tab.locator("#counts").inner_text() == f"in {folder.name}-labels.csv · 2 broken"
    )  # what was skipped came again
    look_again(tab, person, *list(known)[:2])
    assert said(folder) == known
    assert not person.problems
    status, out, _ = page.end(signal.SIGINT)
    assert status == 0 and out == f"30 labels of 45 pictures are in {folder.name}-labels.csv\n"


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
    tab.keyboard.press("/")
    tab.keyboard.type("zw")
    assert tab.locator("#hint").inner_text() == "Enter: zwölf <b>"
    assert tab.locator("#add").inner_text() == "Add zw Shift Enter"
    tab.keyboard.press("Shift+Enter")
    tab.locator("#classes bdi", has_text=re.compile("^zw$")).wait_for()
    tab.keyboard.press("/")
    tab.keyboard.type("zw")
    assert tab.locator("#hint").inner_text() == "Enter: zw" and tab.locator("#add").is_hidden()
    tab.keyboard.press("Escape")

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


def test_where_no_picture_can_be_shown_the_page_says_why(folder, tab, start):
    page = start(folder, f"--labels_file={folder.parent}/fourth.csv")
    state = page.chosen()
    tab.route("**/api/image/**", lambda route: route.abort())
    tab.goto(page.address)
    tab.locator("#empty", has_text="The page's command has ended").wait_for()
    assert "Press b" not in tab.locator("#empty").inner_text()
    failed = {**state, "next": [], "names": [], "chooser": {**state["chooser"], "error": "no picture can be chosen"}}
    tab.route("**/api/state", lambda route: route.fulfill(json=failed))
    tab.goto("about:blank")
    tab.goto(page.address)
    tab.locator("#empty", has_text="no picture can be chosen").wait_for()  # not that nothing is left
