"""Downloads that fail fast: a probe of a few seconds first, then one try, checked by its sha256."""

import hashlib
import http.client
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

_CHUNK = 1 << 18  # bytes
# The host is there, it only objects to this kind of request.
_ANSWERED = (403, 405, 429)


def why_unreachable(url: str, *, timeout: float = 4.0) -> str | None:
    """Asks for a URL and looks at the status of the answer only.

    Args:
        url: What to ask for; proxies are taken from the environment, as by `urllib`.
        timeout: Longest time this may take, in seconds.

    Returns:
        None if the URL can be reached, otherwise the reason in words.
    """
    answers: list[str | None] = []
    # In a thread, because looking up a host name does not obey the timeout of the socket.
    thread = threading.Thread(target=lambda: answers.append(_ask(url, timeout)), daemon=True)
    thread.start()
    thread.join(timeout)
    return answers[0] if answers else f"{url} did not answer within {timeout:g} seconds"


def _ask(url: str, timeout: float) -> str | None:
    try:
        urllib.request.urlopen(url, timeout=timeout).close()
    except urllib.error.HTTPError as error:
        error.close()
        return None if error.code in _ANSWERED else f"{url} answered {error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url}: {getattr(error, 'reason', error)}"
    return None


def download(url: str, path: Path, *, sha256: str, timeout: float = 10.0) -> None:
    """Downloads a file in one try and checks its content; shows its progress on a terminal.

    Args:
        url: Where the file is.
        path: Where to write it; a failed download leaves a partial file there, so pass a temporary
            place.
        sha256: Expected digest, in hexadecimal.
        timeout: Longest silence of the server, in seconds.

    Raises:
        OSError: if the server fails or falls silent, or the content is not the expected one.
    """
    content, received = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply, path.open("wb") as file:
            total = int(reply.headers.get("Content-Length", 0))
            while chunk := reply.read(_CHUNK):
                file.write(chunk)
                content.update(chunk)
                received += len(chunk)
                _show_progress(url, received, total)
    except (ValueError, http.client.HTTPException) as error:
        raise OSError(f"{url}: {error!r}") from error
    if content.hexdigest() != sha256:
        raise OSError(
            f"{url}: received {received} bytes of sha256 {content.hexdigest()}; "
            f"expected {sha256} (an interrupted download, or not the published file)"
        )


def _show_progress(url: str, received: int, total: int) -> None:
    if sys.stderr.isatty():
        of_total = f" of {total / 1e6:.0f}" if total else ""
        end = "\n" if received == total else ""
        sys.stderr.write(f"\r{url}: {received / 1e6:.0f}{of_total} MB{end}")
        sys.stderr.flush()
