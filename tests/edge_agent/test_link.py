"""The link over real brokers: what is told on which connect, what is acknowledged when, and what an outage costs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.errors import LinkLost
from edge_agent.identity import Access, Identity
from edge_agent.link import Connected, Incoming, Link, Settings
from protocol.codec import MAX_PACKET_BYTES
from protocol.messages import State
from tests.support.agent import AgentProcess
from tests.support.broker import broker, free_port
from tests.support.factory import SimulatedFactory
from tests.support.keys import make_keys
from tests.support.stream import stream
from tests.support.tiny_model import HOP, WINDOW, tiny

MakeAgent = Callable[..., AgentProcess]


@asynccontextmanager
async def link_to(url: str, home: Path) -> AsyncIterator[Link]:
    """A link that has connected."""
    identity = Identity("home", "link", Access(url))
    link = Link(Settings(identity, url, home, "ef/1/home/link/status", lambda epoch: f"will {epoch}".encode()))
    link.start()
    try:
        yield link
    finally:
        await link.stop(b"bye")


def publish(url: str, topic: str, *payloads: bytes) -> None:
    address = urlsplit(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher", protocol=mqtt.MQTTv5)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


async def messages(link: Link, count: int) -> list[Incoming]:
    found: list[Incoming] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += [item for item in await link.receive() if isinstance(item, Incoming)]
    return found


def test_what_was_not_acknowledged_comes_again_on_the_next_connection(url: str, tmp_path: Path) -> None:
    async def first() -> None:
        async with link_to(url, tmp_path) as link:
            await link.up()
            await link.subscribe("ef/1/home/link/label")
            await asyncio.to_thread(publish, url, "ef/1/home/link/label", b"one", b"two")
            one, two = await messages(link, 2)
            assert (one.payload, two.payload) == (b"one", b"two")
            link.acknowledge(one)
            await asyncio.sleep(0.2)

    async def second() -> None:
        async with link_to(url, tmp_path) as link:
            assert {one.payload for one in await messages(link, 1)} == {b"two"}

    asyncio.run(first())
    asyncio.run(second())


def test_nothing_goes_out_while_the_link_is_down(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(f"mqtt://127.0.0.1:{free_port()}", tmp_path) as link:
            assert not link.publish("t", b"x")
            assert link.is_alive
            with pytest.raises(LinkLost):
                await link.subscribe("t")

    asyncio.run(run())


def test_what_no_packet_can_hold_is_not_sent(url: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(url, tmp_path) as link:
            await link.up()
            assert not link.publish("t", b"x" * MAX_PACKET_BYTES)
            assert link.publish("t", b"x" * (MAX_PACKET_BYTES - 100))

    asyncio.run(run())


def test_every_connection_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    port = free_port()

    async def run() -> None:
        epochs = []
        async with link_to(f"mqtt://127.0.0.1:{port}", tmp_path) as link:
            for _ in range(2):
                with broker(port):
                    async with asyncio.timeout(20):
                        epochs += [one.epoch for one in await link.receive() if isinstance(one, Connected)]
                async with asyncio.timeout(10):
                    while link.is_up:
                        await asyncio.sleep(0.05)
        assert len(set(epochs)) == 2

    asyncio.run(run())


def test_a_broker_that_dies_and_forgets_everything_costs_nothing(tmp_path: Path) -> None:
    port, keys = free_port(), make_keys()
    played = stream(3000)
    played.save(tmp_path / "replay.npz")
    windows = len(played.windows(WINDOW, HOP))
    url = f"mqtt://127.0.0.1:{port}"
    with broker(port), SimulatedFactory(url, keys=keys) as factory:
        sensor: dict[str, object] = {"kind": "replay", "file": str(tmp_path / "replay.npz"), "speed": 15.0}
        agent = AgentProcess(tmp_path / "home", url, sensor).enrol(factory.root)
        agent.start()
        ref = factory.publish_release(tiny())
        factory.want({"active": ref})
        factory.live_until(lambda: factory.counted(ref)[0] > 20)
    try:
        with broker(port), SimulatedFactory(url, keys=keys, metrics=factory.metrics, events=factory.events) as again:
            again.live_until(lambda: bool(again.births) and again.statuses[-1].online)
            again.live_until(lambda: again.counted(ref)[0] == windows)
            assert again.births[-1].epoch != factory.births[-1].epoch
            assert again.births[-1].epoch == again.statuses[-1].epoch
            assert again.runs(ref)
            assert again.states(ref).count(State.ACTIVE) == 1
            agent.kill()
            again.live_until(lambda: not again.statuses[-1].online)
            assert again.statuses[-1].epoch == again.births[-1].epoch
    finally:
        agent.__exit__()
