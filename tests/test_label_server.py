"""What the page's server answers, and above all to whom: one process, asked as pages of other people's would ask."""

import io
import json
import re
import signal
import time

import anyio
import numpy as np
import pytest
from PIL import Image

from ssgan.errors import UsageError
from ssgan.label import LabelConfig, label
from ssgan.labelling import server
from tests.label_page import Page, folder_of


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = folder_of(tmp_path_factory.mktemp("server"), 30)
    photo = Image.fromarray(np.tile(np.linspace(0, 255, 1500).astype(np.uint8), (3000, 1)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = 6, "SECRET CAMERA", "SECRET COMMENT"
    photo.save(folder / "large.jpg", exif=exif)
    page = Page(folder, "--classes=apple,lime,plum", "--seed=3")
    page.folder = folder
    yield page
    page.end()


def test_the_token_and_the_host_are_asked_for_before_anything_is_said(page):
    for path in ("/", "/page.js", "/page.css", "/view.js", "/server.js"):
        status, _, content = page.request("GET", path, headers={"x-ssgan-token": None})
        assert status == 200 and page.token.encode() not in content
    wrong = {"x-ssgan-token": None}, {"x-ssgan-token": ""}, {"x-ssgan-token": page.token[:-1]}, {"x-ssgan-token": "ä"}
    for headers in wrong:
        for method, path in (("GET", "state"), ("GET", "image/large/0"), ("POST", "undo"), ("GET", "nothing")):
            assert page.request(method, f"/api/{path}", {}, headers=headers)[0] == 403, (headers, path)
    port = page.host.split(":")[1]
    hosts = [
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{int(port) + 1}",
        f"localhost:{port}",
        f"127.0.0.1.:{port}",
    ]
    for host in (*hosts, "", None, [page.host, "evil.example"]):
        for path in ("/", "/api/state"):
            assert page.request("GET", path, headers={"Host": host})[0] in (400, 421), host


def test_only_this_machine_is_listened_to():
    with server.listening(0) as opened:
        assert opened.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; x"])
def test_what_a_form_of_another_page_can_send_is_refused(page, kind):
    before = page.ask("state")["totals"]
    assert page.request("POST", "/api/label", {"ids": [0], "class": 0}, headers={"content-type": kind})[0] == 415
    assert page.ask("state")["totals"] == before


BODIES = {
    "no JSON": b"ids=1",
    "a list": [],
    "too long": {"ids": [0], "class": 0, "more": "x" * 20_000},
    "deep": b"[" * 10_000,
    "no ids": {"class": 0},
    "none": {"ids": [], "class": 0},
    "a path": {"ids": ["../../etc/passwd"], "class": 0},
    "a fraction": {"ids": [0.5], "class": 0},
    "a truth": {"ids": [True], "class": 0},
    "negative": {"ids": [-1], "class": 0},
    "huge": {"ids": [10**30], "class": 0},
    "past the end": {"ids": [31], "class": 0},
    "many": {"ids": [0] * 101, "class": 0},
    "a name": {"ids": [0], "class": "apple"},
    "infinite": b'{"ids": [Infinity], "class": 0}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_odd_requests_are_refused_in_words(page, body):
    status, _, content = page.request("POST", "/api/label", body)
    assert status == 400 and json.loads(content)["error"].startswith("not understood: ")
    assert page.ask("state")["totals"]["labelled"] == 0


def test_numbers_of_pictures_are_all_that_an_address_may_hold(page):
    for number in (
        "31",
        "-1",
        "1.0",
        "999999999",
        "9" * 5000,
        "0x1",
        "%31%00",
        "..%2f..%2fetc%2fpasswd",
        "a",
        "%D9%A1",
    ):
        status, _, content = page.request("GET", f"/api/image/large/{number}")
        assert status in (400, 404) and b"root:" not in content, number
    for path in ("/../pyproject.toml", "/page/../../label.py", "//etc/passwd", "/page.html", "/api/image/huge/0"):
        assert page.request("GET", path)[0] in (400, 404), path
    assert page.request("DELETE", "/api/state")[0] == 405 and page.request("GET", "/api/label")[0] == 405


def test_every_answer_forbids_what_a_page_does_not_need(page):
    for path in ("/", "/api/state", "/api/image/small/0", "/nothing", "/api/nothing"):
        headers = page.request("GET", path)[1]
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'" and "unsafe" not in str(policy)
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_pictures_are_encoded_anew_turned_and_bounded(page):
    number = page.folder / "large.jpg"
    index = 30  # behind _unlabeled/
    for size, shape in (("large", (1024, 512)), ("small", (256, 128))):
        status, headers, content = page.request("GET", f"/api/image/{size}/{index}")
        assert status == 200 and b"SECRET" not in content and number.read_bytes() != content
        picture = Image.open(io.BytesIO(content))
        assert (
            picture.size == shape and not picture.getexif() and headers["content-type"] == picture.get_format_mimetype()
        )
        column = np.asarray(picture.convert("L"), int)[:, 5]
        assert column[0] < 20 and column[-1] > 235  # turned: it grows brighter from above


def test_two_pictures_are_decoded_at_a_time():
    at_once, most = [], []

    class Slow:
        def __len__(self):
            return 9

        def shown(self, number, *, longest):
            at_once.append(number)
            most.append(len(at_once))
            time.sleep(0.02)
            at_once.remove(number)
            return b"", "image/png"

    async def ask(app, number):
        async def send(message):
            assert message.get("status", 200) == 200

        await app({"type": "http", "method": "GET", "path": f"/api/image/large/{number}", "headers": []}, None, send)

    async def ask_all():
        app = server.application(
            server.Room(**dict.fromkeys(("session", "chooser", "training")), pictures=Slow(), labels_file="")
        )
        async with anyio.create_task_group() as group:
            for number in range(9):
                group.start_soon(ask, app, number)

    anyio.run(ask_all)
    assert len(most) == 9 and max(most) == 2


def test_without_a_run_there_are_no_guesses_and_no_suspects(page):
    assert page.ask("guess/0") == {"class": None}
    status, _, content = page.request("GET", "/api/suspects")
    assert status == 409 and "no run has looked" in json.loads(content)["error"]
    status, _, content = page.request("POST", "/api/train", {})
    assert status == 409 and "labels of two classes" in json.loads(content)["error"]
    assert page.request("POST", "/api/resume", {})[0] == 409 and page.request("POST", "/api/stop", {})[0] == 200


def test_the_order_is_the_same_at_every_start(page, tmp_path):
    order = page.chosen()["next"]
    assert len(set(order)) == 24 and order != sorted(order)
    again = Page(page.folder, "--seed=3", f"--labels_file={tmp_path}/others.csv")
    assert again.chosen()["next"] == order and again.token != page.token
    is_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # below nohup, which children inherit
    status, out, errors = again.end(signal.SIGTERM if is_ignored else signal.SIGHUP)
    assert (
        status == 0 and out == f"0 labels of 31 pictures are in {tmp_path}/others.csv\n" and "Traceback" not in errors
    )


def test_a_second_page_of_the_folder_is_refused(page):
    options = {"folder": str(page.folder), "cache_dir": str(page.folder.parent / "cache")}
    with pytest.raises(UsageError, match=r"labels.csv is being written to by another process; is the page"):
        label(LabelConfig(**options))


def test_mistakes_on_the_command_line_are_told(page, tmp_path):
    options = {"folder": str(page.folder), "cache_dir": str(page.folder.parent / "cache")}
    file = str(tmp_path / "labels.csv")
    taken = int(page.host.split(":")[1])
    for told, changes in {
        "no FOLDER": {"folder": None},
        "is not an existing folder": {"folder": "nowhere"},
        "--run=nowhere: there is no run": {"run": "nowhere"},
        "--train=--flip='no: No closing quotation": {"train": "--flip='no"},
        "differ in case": {"classes": "cat,Cat"},
        f"--port={taken}: Address already in use": {"port": taken},
    }.items():
        with pytest.raises(UsageError, match=re.escape(told)):
            label(LabelConfig(**{**options, "labels_file": file, **changes}))
    with pytest.raises(UsageError, match="--port=70000: expected 0 to 65535"):
        LabelConfig(port=70000)


def test_a_picture_that_became_another_thing_is_not_passed_on(page):
    victim = page.folder / "_unlabeled" / "2029.png"
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for content in (drawing, b"\x89PNG\r\n\x1a\n" + drawing, b"GIF89a", b""):
        victim.write_bytes(content)
        status, headers, answer = page.request("GET", "/api/image/large/29")
        assert (status, headers["content-type"]) == (404, "application/json") and b"alert" not in answer
    victim.unlink()
    assert page.request("GET", "/api/image/large/29")[0] == 404
