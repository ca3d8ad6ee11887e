from collections.abc import Iterator

from flask import Flask

from factory.web import live
from factory.web.context import EXTENSION, MAX_STREAMS
from tests.factory.web.conftest import Visitor
from tests.factory.web.showroom import Showroom


class Script:
    """A registry whose revision follows a script, one step a pause; the reader leaves at its end."""

    def __init__(self, *revisions: int) -> None:
        self._left, self._now = list(revisions[1:]), revisions[0]

    def revision(self) -> int:
        return self._now

    def pause(self, seconds: float) -> bool:
        assert seconds == live.POLL_S
        if not self._left:
            return True
        self._now = self._left.pop(0)
        return False

    def stream(self, seen: int) -> Iterator[str]:
        return live.stream(live.Watch(self.revision, self.pause), seen)


def ids(text: str) -> list[int]:
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]


def test_each_change_is_told_once_under_its_revision() -> None:
    assert ids("".join(Script(4, 4, 5, 5, 9, 9).stream(4))) == [5, 9]


def test_who_comes_back_with_an_older_revision_is_told_at_once() -> None:
    told = list(Script(9).stream(4))
    assert told[0] == f"retry: {live.RETRY_MS}\n\n"
    assert told[1] == "event: change\nid: 9\ndata: 9\n\n"


def test_a_silent_stream_beats() -> None:
    pauses = int(2.5 * live.HEARTBEAT_S / live.POLL_S)
    told = list(Script(*[4] * pauses).stream(4))
    assert told[1:] == [": still here\n\n"] * 2


def test_a_stream_ends_by_itself() -> None:
    pauses = int(3 * live.STREAM_S / live.POLL_S)
    assert len(list(Script(*range(pauses)).stream(0))) == live.STREAM_S / live.POLL_S


def first_event(visitor: Visitor, app: Flask, path: str = "/events", **headers: str) -> str:
    """What a stream says before it would wait."""
    app.extensions[EXTENSION].stopping.set()
    return visitor.get(path, headers=headers).text


def test_the_stream_honours_what_the_reader_has_seen(app: Flask, viewer: Visitor, room: Showroom) -> None:
    current = room.registry.revision()
    assert ids(first_event(viewer, app)) == []
    assert ids(first_event(viewer, app, f"/events?after={current}")) == []
    assert ids(first_event(viewer, app, f"/events?after={current - 1}")) == [current]
    assert ids(first_event(viewer, app, f"/events?after={current - 1}", **{"Last-Event-ID": str(current)})) == []


def test_nonsense_in_last_event_id_is_no_error(app: Flask, viewer: Visitor) -> None:
    for claimed in ("-1", "1e9", "²", "9" * 400, "'; drop table"):
        assert ids(first_event(viewer, app, **{"Last-Event-ID": claimed.encode("utf-8").decode("latin-1")})) == []


def test_streams_are_limited_and_given_back(app: Flask, viewer: Visitor) -> None:
    open_ones = [viewer.get("/events") for _ in range(MAX_STREAMS)]
    assert {answer.status_code for answer in open_ones} == {200}
    refused = viewer.get("/events")
    assert refused.status_code == 503
    assert refused.json is not None
    open_ones[0].close()
    again = viewer.get("/events")
    assert again.status_code == 200
    for answer in (*open_ones[1:], again):
        answer.close()
