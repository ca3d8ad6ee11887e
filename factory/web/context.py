"""What every request of the page needs, held by the app: handed in once, never changed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from factory.registry import Registry
from factory.web.throttle import Throttle

EXTENSION = "cygnet"
MAX_STREAMS = 24  # open event streams; each holds a thread of the server
LOGIN_WINDOW_S = 300.0
FAILURES_PER_NAME = 5  # from one address, within the window
FAILURES_PER_ADDRESS = 30


@dataclass(frozen=True)
class Web:
    """The registry, the clock, and what bounds visitors: all that a request may reach for."""

    registry: Registry
    now: Callable[[], float]
    names: Throttle = field(default_factory=lambda: Throttle(FAILURES_PER_NAME, LOGIN_WINDOW_S))
    addresses: Throttle = field(default_factory=lambda: Throttle(FAILURES_PER_ADDRESS, LOGIN_WINDOW_S))
    streams: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_STREAMS))
    stopping: threading.Event = field(default_factory=threading.Event)


def web() -> Web:
    """The `Web` of the app that serves this request."""
    return cast("Web", current_app.extensions[EXTENSION])
