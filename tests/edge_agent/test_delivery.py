"""A blob arrives whole or not at all, whatever the other end and the network do."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.blobs import Blobs
from edge_agent.config import Limits
from edge_agent.delivery import Delivery
from edge_agent.errors import LinkLost, Refused
from protocol import chunks, codec, topics
from protocol.chunks import CHUNK_BYTES
from protocol.messages import BlobRequest, Reason
from protocol.topics import DeviceTopics
from protocol.trust import FileRef

DEVICE = DeviceTopics("home", "pi")
LIMITS = Limits(request_timeout_s=0.02, stall_timeout_s=0.1)
BLOB = bytes(range(256)) * 1500  # six pieces, the last one short
REF = FileRef.of(BLOB)
SMALL = b"small enough to be retained"

Message = tuple[str, bytes]
Answer = Callable[[BlobRequest], Iterable[Message]]


def pieces(blob: bytes, numbers: Iterable[int]) -> list[Message]:
    sha = chunks.digest(blob)
    return [(DEVICE.chunk(sha, i), blob[slice(*chunks.span(i, len(blob)))]) for i in numbers]


def honest(request: BlobRequest) -> list[Message]:
    return pieces(BLOB, chunks.from_bitmap(request.missing, len(BLOB))[: request.window])


class Wire:
    """The other end, in memory: answers requests for pieces, and subscriptions with what is retained."""

    def __init__(self, answer: Answer = honest, retained: Iterable[Message] = (), losses: int = 0) -> None:
        self.answer, self.retained, self.losses = answer, dict(retained), losses
        self.requests: list[BlobRequest] = []
        self.topics: set[str] = set()
        self.delivery: Delivery | None = None

    async def up(self) -> None:
        pass

    async def subscribe(self, topic: str) -> None:
        if self.losses > 0:
            self.losses -= 1
            raise LinkLost("gone")
        self.topics.add(topic)
        if topic in self.retained:
            self._send([(topic, self.retained[topic])])

    def unsubscribe(self, topic: str) -> None:
        self.topics.discard(topic)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        self.requests.append(codec.decode(payload, BlobRequest))
        self._send(self.answer(self.requests[-1]))
        return True

    def _send(self, messages: Iterable[Message]) -> None:
        assert self.delivery is not None
        for topic, payload in messages:
            asyncio.get_running_loop().call_soon(self.delivery.take, topic, payload)


def fetch(folder: Path, wire: Wire, ref: FileRef = REF, limits: Limits = LIMITS) -> bytes:
    async def run() -> bytes:
        wire.delivery = Delivery(wire, Blobs(folder), DEVICE, limits)
        return await wire.delivery.fetch(ref, lambda came: None)

    return asyncio.run(run())


def test_pieces_in_windows_of_four(tmp_path: Path) -> None:
    wire = Wire()
    assert fetch(tmp_path, wire) == BLOB
    assert [chunks.from_bitmap(one.missing, len(BLOB)) for one in wire.requests] == [[0, 1, 2, 3, 4, 5], [4, 5]]
    assert wire.topics == set()
    assert [path.name for path in tmp_path.iterdir()] == [REF.sha256]


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    fetch(tmp_path, Wire())
    assert fetch(tmp_path, wire := Wire()) == BLOB
    assert wire.requests == []


def test_a_retained_blob_needs_no_request(tmp_path: Path) -> None:
    ref = FileRef.of(SMALL)
    wire = Wire(retained=[(topics.blob(ref.sha256), SMALL)])
    assert fetch(tmp_path, wire, ref) == SMALL
    assert wire.requests == []


def test_a_retained_blob_that_the_broker_lost_is_asked_for(tmp_path: Path) -> None:
    wire = Wire(lambda request: pieces(SMALL, [0]))
    assert fetch(tmp_path, wire, FileRef.of(SMALL)) == SMALL
    assert len(wire.requests) == 1


def test_a_subscription_that_the_link_lost_is_made_again(tmp_path: Path) -> None:
    assert fetch(tmp_path, Wire(losses=2)) == BLOB


def once(first: Callable[[list[Message]], list[Message]]) -> Answer:
    """The first answer is spoilt, the others are honest."""
    asked = []

    def answer(request: BlobRequest) -> list[Message]:
        asked.append(request)
        return first(honest(request)) if len(asked) == 1 else honest(request)

    return answer


SPOILT: dict[str, Callable[[list[Message]], list[Message]]] = {
    "nothing comes": lambda sent: [],
    "the first is missing": lambda sent: sent[1:],
    "they come backwards": lambda sent: sent[::-1],
    "they come three times": lambda sent: sent * 3,
    "one is too short": lambda sent: [(topic, piece[:-1]) for topic, piece in sent],
    "one is too long": lambda sent: [(topic, piece + b"!") for topic, piece in sent],
    "one is empty": lambda sent: [(topic, b"") for topic, _ in sent],
    "one has no such number": lambda sent: [(DEVICE.chunk(REF.sha256, 6), sent[0][1]), *sent],
    "one is of another blob": lambda sent: [(DEVICE.chunk("0" * 64, 0), b"x" * CHUNK_BYTES), *sent],
    "one has a number that is none": lambda sent: [(DEVICE.chunks(REF.sha256), sent[0][1]), *sent],
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_arrives_although(tmp_path: Path, spoil: Callable[[list[Message]], list[Message]]) -> None:
    assert fetch(tmp_path, Wire(once(spoil))) == BLOB


def test_nothing_ever_comes(tmp_path: Path) -> None:
    wire = Wire(lambda request: [])
    with pytest.raises(Refused, match="no piece") as refused:
        fetch(tmp_path, wire)
    assert refused.value.reason == Reason.TIMED_OUT
    assert 1 < len(wire.requests) < 20


def test_wrong_bytes_of_the_right_length_are_found_out_and_nothing_stays(tmp_path: Path) -> None:
    wire = Wire(lambda request: [(topic, bytes(len(piece))) for topic, piece in honest(request)])
    with pytest.raises(Refused) as refused:
        fetch(tmp_path, wire)
    assert refused.value.reason == Reason.WRONG_DIGEST
    assert list(tmp_path.iterdir()) == []


def test_a_retained_blob_of_wrong_bytes_is_found_out(tmp_path: Path) -> None:
    ref = FileRef.of(SMALL)
    with pytest.raises(Refused):
        fetch(tmp_path, Wire(retained=[(topics.blob(ref.sha256), SMALL[::-1])]), ref)
    assert list(tmp_path.iterdir()) == []


@given(kept=st.sets(st.integers(0, 5)))
@settings(max_examples=20, deadline=None)
def test_a_killed_download_goes_on_with_what_it_has(tmp_path_factory: pytest.TempPathFactory, kept: set[int]) -> None:
    folder = tmp_path_factory.mktemp("blobs")
    for (_, piece), index in zip(pieces(BLOB, sorted(kept)), sorted(kept), strict=True):
        assert Blobs(folder).put_piece(REF, index, piece)
    wire = Wire()
    assert fetch(folder, wire) == BLOB
    asked = chunks.from_bitmap(wire.requests[0].missing, len(BLOB)) if wire.requests else []
    assert set(asked) == set(range(6)) - kept


def test_a_full_disk_is_a_reason(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    (tmp_path / f"{REF.sha256}.part").write_text("a file where a folder belongs")
    with pytest.raises(Refused) as refused:
        blobs.put_piece(REF, 0, BLOB[:CHUNK_BYTES])
    assert refused.value.reason == Reason.DISK_FULL


def test_rotten_files_are_not_given_out(tmp_path: Path) -> None:
    fetch(tmp_path, Wire())
    (tmp_path / REF.sha256).write_bytes(BLOB[:-1] + b"?")
    assert Blobs(tmp_path).get(REF) is None
    assert not (tmp_path / REF.sha256).exists()


def test_a_file_asked_for_with_a_wrong_length_stays(tmp_path: Path) -> None:
    fetch(tmp_path, Wire())
    assert Blobs(tmp_path).get(FileRef(REF.sha256, 1)) is None
    assert Blobs(tmp_path).get(REF) == BLOB


def test_only_what_is_needed_stays(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.put(BLOB, REF)
    blobs.put(SMALL, FileRef.of(SMALL))
    blobs.put_piece(FileRef("1" * 64, CHUNK_BYTES), 0, b"x" * CHUNK_BYTES)
    blobs.keep_only([REF.sha256])
    assert [path.name for path in tmp_path.iterdir()] == [REF.sha256]
