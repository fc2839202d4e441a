"""The page's server: what is asked by the page, and answered."""

import contextlib
import dataclasses
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ssgan.data.own import Unreadable
from ssgan.errors import UsageError
from ssgan.labelling import pictures as shown
from ssgan.labelling.chooser import Chooser
from ssgan.labelling.guard import Guard, read_json
from ssgan.labelling.pictures import Pictures
from ssgan.labelling.session import Session
from ssgan.labelling.training import Training

ADDRESS = "127.0.0.1"
_MOST_UPCOMING = 24  # pictures that an answer names
_MOST_AT_ONCE = 100  # pictures in a request
_MOST_DECODED = 2  # pictures at a time: a large one takes hundreds of MB
_MOST_WAITED = 120.0  # seconds for the checkpoint of a training, at the end
_PAGE = Path(__file__).parent / "page"
_SCRIPTS = ("page.js", "server.js", "view.js")
_STYLES = (Path(__file__).parents[1] / "report" / "html" / "page.css", _PAGE / "label.css")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Room:
    """All that the answers are made of."""

    pictures: Pictures
    session: Session
    chooser: Chooser
    training: Training
    labels_file: str


def listening(port: int) -> socket.socket:
    """Returns a socket that listens on this machine alone.

    Args:
        port: its port; 0 for one that is free.

    Raises:
        UsageError: if the port is taken.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((ADDRESS, port))
        opened.listen()  # who asks from now on is answered as soon as the server runs
    except OSError as error:
        opened.close()
        raise UsageError(f"--port={port}: {error.strerror}; name another one, or none") from error
    return opened


def serve(room: Room, opened: socket.socket, *, token: str) -> None:
    """Answers until Ctrl-C, SIGTERM or the end of its terminal; a training is stopped then, with a checkpoint."""
    app = Guard(application(room), host=f"{ADDRESS}:{opened.getsockname()[1]}", token=token)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: uvicorn raises it again when it has ended
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # else it was started to outlive its terminal, by nohup
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[opened])


def application(room: Room) -> Starlette:
    """Returns what answers the page, without what guards it."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(lambda: room.training.stop(wait_seconds=_MOST_WAITED))

    decoding = anyio.CapacityLimiter(_MOST_DECODED)

    def answer(does: Callable[[Room, dict[str, Any]], Any]) -> Callable:
        limiter = decoding if does is image else None

        async def endpoint(request: Request) -> Response:
            try:
                values = await read_json(request) if request.method == "POST" else request.path_params
                found = await anyio.to_thread.run_sync(does, room, values, limiter=limiter)
            except UsageError as error:
                return _error(str(error), 409)
            except (ValueError, KeyError, TypeError) as error:
                return _error(f"not understood: {error}"[:300], 400)
            except OSError as error:
                return _error(f"not written: {error.strerror}", 507)
            return found if isinstance(found, Response) else JSONResponse(found)

        return endpoint

    get = {"/api/state": state, "/api/image/{size}/{id}": image, "/api/guess/{id}": guess, "/api/suspects": suspects}
    routes = [Route(path, answer(does), methods=["GET"]) for path, does in get.items()]
    routes += [Route(f"/api/{name}", answer(does), methods=["POST"]) for name, does in POSTS.items()]
    routes += [Route(path, _file(content, kind), methods=["GET"]) for path, (content, kind) in _files().items()]
    return Starlette(routes=routes, lifespan=lifespan)


# What is asked


def state(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Answers with all that the page shows but pictures."""
    session, names = room.session, room.session.classes
    counts, upcoming = session.class_counts(), session.upcoming(_MOST_UPCOMING)
    return {
        "folder": os.fsencode(room.pictures.home.resolve().name).decode(errors="replace"),
        "labels_file": room.labels_file,
        "left_out": room.pictures.left_out,
        "classes": [{"name": name, "count": count} for name, count in zip(names, counts, strict=False)],
        "totals": session.totals(),
        "next": upcoming,
        "names": [room.pictures.keys[number] for number in upcoming],
        "can_undo": session.can_undo,
        "notice": session.notice,
        "chooser": room.chooser.state(),
        "training": room.training.state(),
    }


def image(room: Room, values: dict[str, Any]) -> Response:
    """Answers with a picture, encoded anew."""
    longest = {"large": shown.LARGE, "small": shown.SMALL}[values["size"]]
    try:
        content, kind = room.pictures.shown(_number(room, values["id"]), longest=longest)
    except Unreadable as error:
        return _error(f"the picture cannot be read: {error}", 404)
    return Response(content, media_type=kind)


def guess(room: Room, values: dict[str, Any]) -> dict[str, Any]:
    """Answers with what the run takes a picture for."""
    found = room.chooser.guess(_number(room, values["id"]))
    return {"class": found[0], "probability": found[1]} if found else {"class": None}


def suspects(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Answers with the labels that may be wrong."""
    found = room.chooser.suspects()
    names, entry = room.pictures.keys, room.session.entry
    return {"suspects": [{**one, "label": entry(one["id"]).label, "name": names[one["id"]]} for one in found]}


def label(room: Room, values: dict[str, Any]) -> dict[str, Any]:
    """Gives pictures a class."""
    room.session.label(_numbers(room, values["ids"]), _whole(values["class"]))
    return _after(room)


def broken(room: Room, values: dict[str, Any]) -> dict[str, Any]:
    """Marks pictures as broken."""
    room.session.mark_broken(_numbers(room, values["ids"]))
    return _after(room)


def skip(room: Room, values: dict[str, Any]) -> dict[str, Any]:
    """Leaves pictures out for now."""
    room.session.skip(_numbers(room, values["ids"]))
    return _after(room)


def undo(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Takes back what was done last."""
    undone = room.session.undo()
    return {**_after(room), "undone": undone}


def add_class(room: Room, values: dict[str, Any]) -> dict[str, Any]:
    """Adds a class."""
    if not isinstance(name := values["name"], str):
        raise ValueError("name: expected a text")
    number = room.session.add_class(name)
    return {**_after(room), "class": number}


def train(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Starts a training."""
    room.training.start(room.session.class_counts())
    return _after(room)


def resume(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Goes on with a training that was stopped."""
    room.training.resume()
    return _after(room)


def stop(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Stops the training."""
    room.training.stop()
    return _after(room)


def read(room: Room, _: dict[str, Any]) -> dict[str, Any]:
    """Notes that the notice was read."""
    room.session.forget_notice()
    return _after(room)


POSTS = {
    **{"label": label, "broken": broken, "skip": skip, "undo": undo, "class": add_class},
    **{"train": train, "resume": resume, "stop": stop, "read": read},
}


def _after(room: Room) -> dict[str, Any]:
    room.chooser.wake()
    return state(room, {})


def _number(room: Room, text: str) -> int:
    """Returns the number of a picture in an address; of no length that takes time to read."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("id: expected a whole number")
    return _numbers(room, [int(text)])[0]


def _numbers(room: Room, ids: Any) -> list[int]:
    if not isinstance(ids, list) or not 1 <= len(ids) <= _MOST_AT_ONCE:
        raise ValueError(f"ids: expected a list of 1 to {_MOST_AT_ONCE} whole numbers")
    numbers = [_whole(number) for number in ids]
    if not all(0 <= number < len(room.pictures) for number in numbers):
        raise ValueError(f"ids: expected 0 to {len(room.pictures) - 1}")
    return numbers


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("expected a whole number")
    return value


def _error(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": message}, status)


# The page


def _files() -> dict[str, tuple[bytes, str]]:
    """Returns the files of the page and their media types, by their paths."""
    scripts = {f"/{name}": ((_PAGE / name).read_bytes(), "text/javascript") for name in _SCRIPTS}
    style = b"\n".join(path.read_bytes() for path in _STYLES)
    return {"/": ((_PAGE / "page.html").read_bytes(), "text/html"), "/page.css": (style, "text/css"), **scripts}


def _file(content: bytes, kind: str) -> Callable:
    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=kind)

    return endpoint
