"""Bytes <-> message: what is known is checked, what is not known is kept, what is hostile is `Malformed`."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import codec
from protocol.errors import Malformed
from protocol.messages import BlobRequest, JobEvent, Label, Message, Reported, State, Status, one_line
from tests.support.wire import JSON, MESSAGES, some

RELEASE = "ab" * 32
STATUS = Status(online=True, epoch="e1", ts=1000.0)


def status(**fields: Any) -> bytes:
    """A status on the wire, with fields replaced or added."""
    return json.dumps({"online": True, "epoch": "e1", "ts": 1000.0, **fields}).encode()


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_encoded_comes_back_equal(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(some(kind))
    assert codec.decode(codec.encode(message), kind) == message


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(max_examples=40)
@given(payload=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_message_or_malformed(kind: type[Message], payload: bytes) -> None:
    try:
        message = codec.decode(payload, kind)
    except Malformed:
        return
    assert codec.decode(codec.encode(message), kind) == message


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_any_value_in_any_field_is_a_message_or_malformed(kind: type[Message], data: st.DataObject) -> None:
    raw = json.loads(codec.encode(data.draw(some(kind))))
    raw[data.draw(st.sampled_from(sorted(raw)))] = data.draw(JSON)
    try:
        message = codec.decode(json.dumps(raw).encode(), kind)
    except Malformed:
        return
    assert codec.decode(codec.encode(message), kind) == message


def test_unknown_fields_survive_at_every_depth() -> None:
    raw = {
        "ts": 5.0,
        "rev_seen": 2,
        "rev_applied": 2,
        "mood": {"is": ["good", {"very": True}]},
        "slots": {"active": {"release": RELEASE, "state": "active", "since": 4.0, "colour": {"r": 1, "g": None}}},
    }
    back = json.loads(codec.encode(codec.decode(json.dumps(raw).encode(), Reported)))
    assert back["mood"] == raw["mood"]
    assert back["slots"]["active"]["colour"] == {"r": 1, "g": None}


def test_a_known_field_wins_over_an_unknown_one_of_the_same_name() -> None:
    hostile = Status(online=True, epoch="e1", ts=1.0, extra={"online": False, "new": 1})
    assert codec.decode(codec.encode(hostile), Status) == Status(online=True, epoch="e1", ts=1.0, extra={"new": 1})


def test_a_field_named_extra_cannot_smuggle_unknown_fields() -> None:
    assert codec.decode(status(extra={"online": False}), Status) == STATUS


def test_equal_messages_have_equal_bytes_whatever_the_order_of_their_fields() -> None:
    other_order = b'{"ts": 1000.0, "epoch": "e1", "online": true}'
    assert codec.encode(codec.decode(other_order, Status)) == codec.encode(STATUS)


HOSTILE = {
    "nothing at all": b"",
    "not UTF-8": b'{"online": "\xff"}',
    "UTF-16, which a lenient reader would guess": json.dumps({"online": True}).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "cut in the middle": b'{"online": tr',
    "two values": b"{} {}",
    "a list where an object belongs": b"[]",
    "null": b"null",
    "NaN": b'{"online": true, "epoch": "e", "ts": NaN}',
    "minus infinity": b'{"online": true, "epoch": "e", "ts": -Infinity}',
    "a number too large for a float": b'{"online": true, "epoch": "e", "ts": 1e999}',
    "an integer of 5,000 digits": b'{"online": true, "epoch": "e", "ts": ' + b"9" * 5000 + b"}",
    "an integer of 30 digits in an unknown field": status(more=10**30),
    "one level too many": status(more=json.loads("[" * codec.MAX_DEPTH + "]" * codec.MAX_DEPTH)),
    "40,000 nested lists": b"[" * 40_000 + b"]" * 40_000,
    "60,000 lists never closed": b"[" * 60_000,
    "20,000 nested objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "the same key twice": b'{"online": true, "online": false, "epoch": "e", "ts": 1.0}',
    "the same key twice, deep in an unknown field": b'{"online":true,"epoch":"e","ts":1.0,"x":[{"a":1,"a":2}]}',
    "half of a surrogate pair in a known field": b'{"online": true, "epoch": "\\ud800", "ts": 1.0}',
    "half of a surrogate pair in an unknown field": b'{"online": true, "epoch": "e", "ts": 1.0, "x": "\\udfff"}',
    "half of a surrogate pair in an unknown key": b'{"online": true, "epoch": "e", "ts": 1.0, "\\ud800": 1}',
    "a line break in an identifier": status(epoch="a\nb"),
    "a line break at the end of an identifier": status(epoch="a\n"),
    "a NUL in an identifier": status(epoch="a\0b"),
    "an escape sequence in an identifier": status(epoch="\x1b[31m"),
    "text that turns the direction of writing around": status(epoch="abc\u202egpj.exe"),
    "an empty identifier": status(epoch=""),
    "an identifier of 121 characters": status(epoch="e" * 121),
    "a list in the place of text": status(epoch=["e"]),
    "an object in the place of a number": status(ts={}),
    "a number in the place of a truth value": status(online=1),
    "a time that no calendar can show": status(ts=1e300),
    "a time before 1970": status(ts=-1.0),
    "a missing field": b'{"online": true}',
    "more unknown fields than are kept": status(more="x" * codec.MAX_EXTRA_BYTES),
    "more bytes than a packet may have": status(more="x" * codec.MAX_PACKET_BYTES),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_malformed_with_one_printable_line(payload: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        codec.decode(payload, Status)
    text = str(caught.value)
    assert text == one_line(text) != ""


def test_the_error_names_the_field() -> None:
    with pytest.raises(Malformed, match=r"Status.*str.*\$\.epoch"):
        codec.decode(status(epoch=3), Status)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        pytest.param(JobEvent, {"release": RELEASE + "\n"}, id="a digest with a line break at its end"),
        pytest.param(JobEvent, {"release": "../" * 21 + "x"}, id="a path in the place of a digest"),
        pytest.param(JobEvent, {"state": "exploded"}, id="a state that does not exist"),
        pytest.param(JobEvent, {"seq": -1}, id="a negative count"),
        pytest.param(JobEvent, {"seq": 2**53 + 1}, id="a count that not every language can hold"),
        pytest.param(JobEvent, {"seq": True}, id="a truth value in the place of a count"),
        pytest.param(JobEvent, {"text": "x" * 501}, id="a text of 501 characters"),
        pytest.param(JobEvent, {"slot": "spare"}, id="a slot that does not exist"),
    ],
)
def test_a_field_out_of_its_range_is_malformed(kind: type[Message], raw: dict[str, Any]) -> None:
    good = {
        "outbox": "o",
        "seq": 1,
        "ts": 1.0,
        "rev": 1,
        "slot": "active",
        "release": RELEASE,
        "state": "staged",
        "text": "",
    }
    codec.decode(json.dumps(good).encode(), kind)
    with pytest.raises(Malformed):
        codec.decode(json.dumps({**good, **raw}).encode(), kind)


UNSENDABLE = {
    "a number that is not finite": Status(online=True, epoch="e", ts=float("nan")),
    "a line break in a text": JobEvent(
        outbox="o", seq=1, ts=1.0, rev=1, slot="active", release=RELEASE, state=State.FAILED, text="a\nb"
    ),
    "a digest that is none": BlobRequest(sha256="abc", length=1, missing="AQ=="),
    "something JSON cannot say": Status(online=True, epoch="e", ts=1.0, extra={"x": object()}),
    "more than a packet holds": Label(
        label_id="l", y="y", source="s", t=1.0, inference_id="i", extra={"x": "y" * 2**17}
    ),
}


@pytest.mark.parametrize("message", UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_what_the_other_side_would_refuse_is_not_encoded(message: Message) -> None:
    with pytest.raises(Malformed):
        codec.encode(message)


def test_the_largest_message_leaves_room_for_a_topic_in_the_largest_packet() -> None:
    assert codec.MAX_MESSAGE_BYTES + 128 < codec.MAX_PACKET_BYTES


@given(st.text(max_size=600))
def test_any_text_made_one_line_can_be_sent(text: str) -> None:
    event = JobEvent(
        outbox="o", seq=1, ts=1.0, rev=1, slot="active", release=RELEASE, state=State.FAILED, text=one_line(text)
    )
    assert codec.decode(codec.encode(event), JobEvent) == event


@given(JSON)
def test_json_that_is_written_is_read_as_it_was(value: Any) -> None:
    assert codec.parse_json(codec.canonical(value)) == value
