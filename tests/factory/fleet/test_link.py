"""The factory's connection to a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import BadInput
from factory.fleet.link import Connected, Incoming, Link, LinkSettings, Outgoing
from protocol.codec import MAX_PACKET_BYTES
from tests.support.broker import broker, free_port
from tests.support.house import wait

TOPIC = "ef/1/home/pi/status"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with broker() as running:
        yield running


def connected(url: str, name: str) -> tuple[Link, Connected]:
    """A link of this name, up; the broker remembers each name's session."""
    link = Link(LinkSettings(url, name), [TOPIC])
    happened = link.take(10)
    assert isinstance(happened, Connected)
    return link, happened


def test_what_is_published_comes_back_and_can_be_acknowledged(url: str) -> None:
    link, _ = connected(url, "home.echo")
    link.publish(Outgoing(TOPIC, b"hello"))
    message = link.take(10)
    assert isinstance(message, Incoming)
    assert (message.topic, message.payload, message.qos) == (TOPIC, b"hello", 1)
    link.acknowledge(message)
    assert link.take(0.3) is None
    link.close()


def test_what_was_not_acknowledged_comes_again_after_a_restart(url: str) -> None:
    first, _ = connected(url, "home.forgetful")
    first.publish(Outgoing(TOPIC, b"important"))
    assert isinstance(first.take(10), Incoming)
    first.close()
    second, session = connected(url, "home.forgetful")
    assert session.session_present
    message = second.take(10)
    assert isinstance(message, Incoming)
    assert message.payload == b"important"
    second.acknowledge(message)
    second.close()


def test_what_is_larger_than_a_packet_is_never_sent(url: str, caplog: pytest.LogCaptureFixture) -> None:
    link, _ = connected(url, "home.large")
    link.publish(Outgoing(TOPIC, b"x" * MAX_PACKET_BYTES))
    assert "larger than a packet" in caplog.text
    link.publish(Outgoing(TOPIC, b"next"))
    message = link.take(10)
    assert isinstance(message, Incoming)
    assert message.payload == b"next"
    link.acknowledge(message)
    link.close()


def test_without_a_broker_nothing_is_kept_in_memory() -> None:
    link = Link(LinkSettings("mqtt://127.0.0.1:1", "home.factory"), [TOPIC])
    link.publish(Outgoing(TOPIC, b"lost, and published again by the service once the link is up"))
    assert not link.is_up
    assert link.take(0.2) is None
    link.close()


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"broker\.ca"):
        Link(LinkSettings("mqtts://127.0.0.1:1", "home.factory", ca=tmp_path / "none.pem"), [TOPIC])


def test_the_link_comes_back_when_the_broker_does() -> None:
    port = free_port()
    with broker(port) as url:
        link, _ = connected(url, "home.factory")
    wait(lambda: not link.is_up)
    with broker(port):
        again = link.take(10)
        assert isinstance(again, Connected)
        assert not again.session_present
        link.close()
