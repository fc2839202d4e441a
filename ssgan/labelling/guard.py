"""What keeps other pages, other hosts and other users away from the page's server.

A browser lets any page send requests to 127.0.0.1, and a host name of somebody else's may be made to mean it ("DNS
rebinding"). So a request has to name this very address and port as its host, and to know a token that is made anew at
each start, stands in the printed address behind the `#`, and therefore is sent to nobody by the browser itself.
"""

import hmac
import json

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-ssgan-token"
LARGEST_BODY = 16 * 1024  # bytes
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Lets requests pass that come from the page itself.

    Args:
        app: what answers them.
        host: the only `Host` header that is answered, such as `127.0.0.1:8000`.
        token: what `x-ssgan-token` has to be for all that begins with `/api/`; other files hold nothing of anybody.
    """

    def __init__(self, app: ASGIApp, *, host: str, token: str):
        self._app = app
        self._host = host
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self._host]:
            return PlainTextResponse(f"expected the host {self._host}", 421)
        if not scope["path"].startswith("/api/"):
            return None
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token):
            return PlainTextResponse("open the address that the command printed, with all that is behind the #", 403)
        if scope["method"] == "POST" and headers.get("content-type") != "application/json":
            return PlainTextResponse("expected application/json", 415)
        return None


async def read_json(request: Request) -> dict:
    """Returns the JSON object that a request holds.

    Raises:
        ValueError: if it holds something else, or is longer than 16 KiB.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise ValueError(f"more than {LARGEST_BODY} bytes")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values
