"""The broker that comes with the factory, on a free port, for tests of either side."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from factory.fleet.broker import EmbeddedBroker


@contextlib.contextmanager
def broker(port: int | None = None) -> Iterator[str]:
    """A running broker; its URL."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(port or free_port(), Path(folder)) as running:
        yield running.url


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
