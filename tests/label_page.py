"""The labelling page as a process, as a person starts it, and what is asked of it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.photos import COLORS, write_folder

ROOT = Path(__file__).parent.parent
FIRST = 2000  # number of the first picture that `write_folder` writes without a label
TINY = "--total_steps=12 --image_size=16 --arch=tiny --augment=none --labeled_batch=4 --pseudo_label_weight=0"


def truth(number):
    """The number of the class of a picture, in the order of `COLORS`."""
    return (FIRST + number) % len(COLORS)


class Page:
    """`python -m ssgan.label`, running."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-m", "ssgan.label", str(folder), f"--cache_dir={folder.parent}/cache", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            command, cwd=folder.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        lines = [self.process.stdout.readline() for _ in range(2)]
        assert lines[1].startswith("page "), lines + self.process.stderr.readlines()
        self.address = lines[1].split()[1]
        self.host, self.token = self.address.removeprefix("http://").split("/#")

    def request(self, method, path, body=None, *, headers=None, **changes):
        """Returns status, headers and content of an answer; a header that is None is not sent."""
        own = {"Host": self.host, "x-ssgan-token": self.token, "content-type": "application/json"} | (headers or {})
        connection = http.client.HTTPConnection(self.host, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in own.items():
                for each in [value] if isinstance(value, str) else value or []:
                    connection.putheader(name, each)
            content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.putheader("content-length", str(len(content)))
            connection.endheaders(content)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def ask(self, name):
        return self._known(*self.request("GET", f"/api/{name}"))

    def tell(self, name, **values):
        return self._known(*self.request("POST", f"/api/{name}", values))

    def _known(self, status, _, content):
        assert status == 200, content
        return json.loads(content)

    def wait(self, found, seconds=120.0):
        """Asks for the state until `found` says of it that it is there."""
        end = time.monotonic() + seconds
        while not found(state := self.ask("state")):
            assert time.monotonic() < end, state
            time.sleep(0.1)
        return state

    def chosen(self):
        return self.wait(lambda state: state["next"] and not state["chooser"]["choosing"])

    def end(self, number=signal.SIGINT):
        """Ends it by a signal; returns its status and what it printed since."""
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=120)
        return self.process.returncode, out, errors


def folder_of(parent, count=40):
    """Returns a folder of pictures without a label."""
    return write_folder(parent / "photos", of_each=0, unlabeled=count)
