"""The event stream that keeps an open page fresh: one a tab, and it only says that something has changed.

Rules
1. An event's id is the registry's revision. Whoever comes back with an older one is told at once.
2. A comment is sent every `HEARTBEAT_S`, so that neither side nor anything between takes the stream for dead.
3. A stream ends after `STREAM_S`; the browser comes back by itself. So a closed session and a lost tab are noticed.
4. Each stream holds a thread of the server, so there are at most `MAX_STREAMS`; the next one gets 503 and tries later.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, abort, request

from factory.web.context import web

HEARTBEAT_S = 15.0
STREAM_S = 240.0
POLL_S = 0.5
RETRY_MS = 1000
DIGITS_OF_REVISION = 18  # within 64 bits

blueprint = Blueprint("live", __name__)


@dataclass(frozen=True)
class Watch:
    """What a stream looks at: the revision to report, and `pause`, which waits and says whether to stop."""

    revision: Callable[[], int]
    pause: Callable[[float], bool]


def stream(watch: Watch, seen: int) -> Iterator[str]:
    """The text of one event stream for a reader who has seen revision `seen` (rules 1 to 3)."""
    yield f"retry: {RETRY_MS}\n\n"
    silent_s, open_s = 0.0, 0.0
    while open_s < STREAM_S:
        revision = watch.revision()
        if revision != seen:
            yield f"event: change\nid: {revision}\ndata: {revision}\n\n"
            seen, silent_s = revision, 0.0
        elif silent_s >= HEARTBEAT_S:
            yield ": still here\n\n"
            silent_s = 0.0
        if watch.pause(POLL_S):
            return
        open_s, silent_s = open_s + POLL_S, silent_s + POLL_S


@blueprint.get("/events")
def events() -> Response:
    """Open a stream (rule 4)."""
    here = web()
    if not here.streams.acquire(blocking=False):
        abort(503, "Too many pages are open at once. This one refreshes when another is closed.")
    response = Response(stream(_watch(), _seen(here.registry.revision())), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(here.streams.release)
    return response


def _watch() -> Watch:
    """The registry's revision, and a pause that ends with the server or with the reader."""
    here, gone = web(), request.environ.get("waitress.client_disconnected", lambda: False)
    return Watch(here.registry.revision, lambda seconds: here.stopping.wait(seconds) or gone())


def _seen(current: int) -> int:
    """What the reader has seen: by the header of a reader who comes back, else by the page it was served with."""
    claimed = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    return int(claimed) if claimed.isascii() and claimed.isdigit() and len(claimed) <= DIGITS_OF_REVISION else current
