import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pytest
from flask import Flask

from factory.errors import BadInput
from factory.web import Served, serve
from factory.web.context import EXTENSION, MAX_STREAMS
from factory.web.serving import PAGE_THREADS
from tests.factory.web.conftest import Visitor
from tests.factory.web.showroom import Showroom


@pytest.fixture
def served(app: Flask) -> Iterator[Served]:
    page = serve(app, "127.0.0.1", 0)
    yield page
    page.close()


def session_of(visitor: Visitor) -> str:
    """The cookie of a visitor who has signed in."""
    cookie = visitor.client.get_cookie("cygnet")
    assert cookie is not None
    return f"cygnet={cookie.value}"


@dataclass
class Stream:
    """A reader of events, down to the socket: what a browser's tab is to the server."""

    socket: socket.socket
    lines: BinaryIO
    status: int


@contextmanager
def open_stream(served: Served, cookie: str) -> Iterator[Stream]:
    """A stream whose headers have come."""
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rb") as lines:
        connection.sendall(f"GET /events HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
        status = int(lines.readline().split()[1])
        while lines.readline().strip():
            pass
        yield Stream(connection, lines, status)


def test_it_serves_and_then_it_does_not(app: Flask) -> None:
    page = serve(app, "127.0.0.1", 0)
    with urllib.request.urlopen(f"{page.url}/healthz", timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"
    page.close()
    page.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{page.url}/healthz", timeout=10)


def test_a_taken_address_is_refused_with_a_cure(served: Served, app: Flask) -> None:
    with pytest.raises(BadInput, match="Choose another host or port"):
        serve(app, "127.0.0.1", int(served.url.rpartition(":")[2]))


def test_a_change_reaches_an_open_stream(served: Served, viewer: Visitor, room: Showroom) -> None:
    with open_stream(served, session_of(viewer)) as stream:
        assert stream.lines.readline() == b"retry: 1000\n"
        room.registry.enrol("one-more", "lab", room.now)
        told = [stream.lines.readline() for _ in range(3)]
    assert told == [b"\n", b"event: change\n", f"id: {room.registry.revision()}\n".encode()]


def test_full_of_streams_it_still_serves_pages(served: Served, viewer: Visitor) -> None:
    cookie = session_of(viewer)
    with ExitStack() as held:
        streams = [held.enter_context(open_stream(served, cookie)) for _ in range(MAX_STREAMS)]
        assert {stream.status for stream in streams} == {200}
        assert held.enter_context(open_stream(served, cookie)).status == 503
        for _ in range(PAGE_THREADS * 2):
            with urllib.request.urlopen(f"{served.url}/healthz", timeout=10) as answer:
                assert answer.status == 200


def test_a_closed_tab_gives_its_stream_back_at_once(served: Served, viewer: Visitor, app: Flask) -> None:
    free = app.extensions[EXTENSION].streams
    with ExitStack() as held:
        for _ in range(MAX_STREAMS):
            held.enter_context(open_stream(served, session_of(viewer)))
        assert not free.acquire(blocking=False)
    deadline = time.monotonic() + 5  # much less than a heartbeat
    while not (given_back := free.acquire(blocking=False)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert given_back


def test_closing_ends_open_streams(app: Flask, viewer: Visitor) -> None:
    page = serve(app, "127.0.0.1", 0)
    with ExitStack() as held:
        streams = [held.enter_context(open_stream(page, session_of(viewer))) for _ in range(3)]
        started = time.monotonic()
        page.close()
        assert time.monotonic() - started < 3
        assert all(b"retry" in stream.lines.read() for stream in streams)
