"""The agent's end of the wire: the only file that speaks MQTT.

Rules
1. The network thread never runs the agent's code: its callbacks hand over to the asyncio loop, never block and never
   raise.
2. A message is acknowledged when the agent says so, after it has been stored, and only on the connection it came by.
3. The broker keeps our session while we are away. After each connect every subscription is made again, in case it did
   not.
4. Every connection has its own epoch, told in its last will: the late will of an old connection says nothing about a
   newer one.
5. Nothing is queued while the link is down: what must arrive waits in the outbox. Nothing is sent that a packet
   cannot hold: an oversized message would be sent again for ever.
"""

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, ParamSpec

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.errors import LinkLost
from edge_agent.identity import Identity, check_url, tls_context
from protocol.codec import MAX_PACKET_BYTES

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
SESSION_EXPIRY_S = 7 * 24 * 3600
RECEIVE_MAXIMUM = 64  # messages on their way to us that we have not acknowledged
WILL_DELAY_S = 5
RECONNECT_MIN_S, RECONNECT_MAX_S = (0.5, 1.0), (30.0, 60.0)  # each device draws its own from these
SUBSCRIBE_TIMEOUT_S = 10.0
PACKET_OVERHEAD_BYTES = 64
MAX_WAITING = 4 * RECEIVE_MAXIMUM  # messages the agent has not taken yet; a broker that ignores our limit loses them

P = ParamSpec("P")


@dataclass(frozen=True)
class Connected:
    """The broker has accepted us; everything is to be announced again."""

    epoch: str


@dataclass(frozen=True)
class Incoming:
    """A message, to be acknowledged when it is stored."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


@dataclass(frozen=True)
class Settings:
    """Whom to connect to, and as whom. `home` holds the PEM files; `will` makes the last will's payload from an
    epoch.
    """

    identity: Identity
    url: str
    home: Path
    will_topic: str
    will: Callable[[str], bytes]


class Link:
    """One connection to the broker, renewed for ever. To be used from one asyncio loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Connected | Incoming] = asyncio.Queue()
        self._topics: dict[str, None] = {}
        self._suback: dict[int, asyncio.Future[None]] = {}
        self._up = asyncio.Event()
        self._connection = 0
        self._epoch = ""
        self._max_packet_bytes = MAX_PACKET_BYTES
        self._client = self._make_client()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to connect; `receive` tells of the rest."""
        self._client.loop_start()
        known = f"paho-mqtt-client-{client_id(self._settings.identity)}"
        self._thread = next(thread for thread in threading.enumerate() if thread.name == known)

    async def stop(self, farewell: bytes) -> None:
        """Say goodbye with this status and leave; the broker keeps our session."""
        if self.is_up:
            info = self._client.publish(self._settings.will_topic, farewell, qos=1, retain=True)
            await asyncio.to_thread(info.wait_for_publish, 2.0)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted us."""
        return self._up.is_set()

    @property
    def is_alive(self) -> bool:
        """Whether the network thread still runs."""
        return self._thread is not None and self._thread.is_alive()

    async def up(self) -> None:
        """Return when the link is up."""
        await self._up.wait()

    async def receive(self) -> list[Connected | Incoming]:
        """Everything that has come, at least one."""
        items = [await self._inbox.get()]
        while not self._inbox.empty():
            items.append(self._inbox.get_nowait())
        return items

    def acknowledge(self, message: Incoming) -> None:
        """Tell the broker that a message is stored (rule 2)."""
        if message.connection == self._connection and self.is_up:
            self._client.ack(message.mid, message.qos)

    async def subscribe(self, topic: str) -> None:
        """Take in a topic, now and after each connect.

        Raises:
            LinkLost: the broker did not confirm it.
        """
        self._topics[topic] = None
        await self._subscribe([topic])

    async def subscribe_again(self) -> None:
        """Make every subscription again (rule 3).

        Raises:
            LinkLost: the broker did not confirm it.
        """
        if self._topics:
            await self._subscribe(list(self._topics))

    def unsubscribe(self, topic: str) -> None:
        """Take in a topic no longer."""
        self._topics.pop(topic, None)
        if self.is_up:
            self._client.unsubscribe(topic)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Send a message at QoS 1; whether it was handed to the network (rule 5)."""
        if not self.is_up:
            return False
        if len(topic) + len(payload) + PACKET_OVERHEAD_BYTES > self._max_packet_bytes:
            log.error("not sent, larger than the broker takes: %d bytes to %s", len(payload), topic)
            return False
        return self._client.publish(topic, payload, qos=1, retain=retain).rc == mqtt.MQTT_ERR_SUCCESS

    async def _subscribe(self, topics: list[str]) -> None:
        if not self.is_up:
            raise LinkLost("not connected")
        waiter = self._loop.create_future()
        result, mid = self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        if mid is None:
            raise LinkLost(mqtt.error_string(result))
        self._suback[mid] = waiter
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                await waiter
        except TimeoutError as error:
            raise LinkLost(f"the broker did not confirm a subscription in {SUBSCRIBE_TIMEOUT_S:.0f} s") from error
        finally:
            self._suback.pop(mid, None)

    def _make_client(self) -> mqtt.Client:
        settings = self._settings
        host, port, encrypted = check_url(settings.url, "broker.url")
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id(settings.identity), protocol=mqtt.MQTTv5, manual_ack=True
        )
        access = settings.identity.broker
        if access.username is not None:
            client.username_pw_set(access.username, access.password)
        if encrypted:
            client.tls_set_context(tls_context(settings.home))
        client.enable_logger(log)
        client.suppress_exceptions = True  # one that escaped would end the thread, and nothing would tell
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = _without_delay
        draw = SystemRandom().uniform
        client.reconnect_delay_set(draw(*RECONNECT_MIN_S), draw(*RECONNECT_MAX_S))  # type: ignore[arg-type]  # takes any number
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        client.connect_async(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        return client

    # Below: the network thread (rule 1).

    def _hand_over(self, what: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            self._loop.call_soon_threadsafe(lambda: what(*args, **kwargs))
        except RuntimeError:
            log.debug("the loop is closed")

    def _on_pre_connect(self, client: mqtt.Client, _userdata: object) -> None:
        """Rule 4."""
        self._epoch = secrets.token_hex(8)
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's
        properties.WillDelayInterval = WILL_DELAY_S
        settings = self._settings
        client.will_set(settings.will_topic, settings.will(self._epoch), qos=1, retain=True, properties=properties)

    def _on_connect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, properties: Properties | None
    ) -> None:
        limit = getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES)
        self._hand_over(self._connected, code, self._epoch, limit)

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        log.warning("the broker %s does not answer; trying again", self._settings.url)

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        self._hand_over(self._disconnected, code)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._hand_over(self._arrived, topic, bytes(message.payload), message.mid, message.qos)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: object, mid: int, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            log.error("the broker refused message %d: %s", mid, code)

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: object, mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        self._hand_over(self._subscribed, mid, codes)

    # Below: the loop again.

    def _connected(self, code: ReasonCode, epoch: str, max_packet_bytes: int) -> None:
        if code.is_failure:
            log.error("the broker %s refuses us: %s", self._settings.url, code)
            return
        log.info("connected to %s", self._settings.url)
        self._connection += 1
        self._max_packet_bytes = min(MAX_PACKET_BYTES, max_packet_bytes)
        self._up.set()
        self._inbox.put_nowait(Connected(epoch))

    def _disconnected(self, code: ReasonCode) -> None:
        if self.is_up:
            log.warning("the link is down: %s", code)
        self._up.clear()
        for waiter in self._suback.values():
            if not waiter.done():
                waiter.set_exception(LinkLost(f"the link went down: {code}"))

    def _arrived(self, topic: str, payload: bytes, mid: int, qos: int) -> None:
        if self._inbox.qsize() >= MAX_WAITING:
            log.warning("dropped a message to %.80s: too many are waiting", topic)
            return
        self._inbox.put_nowait(Incoming(topic, payload, mid, qos, self._connection))

    def _subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        waiter = self._suback.get(mid)
        refused = [code for code in codes if code.is_failure]
        if refused:
            log.error("the broker refused a subscription: %s", refused[0])
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def client_id(identity: Identity) -> str:
    """The stable name of this device at the broker."""
    return f"{identity.fleet}.{identity.device}"


def _without_delay(_client: mqtt.Client, _userdata: object, sock: Any) -> None:
    """Nagle's algorithm costs 40 ms a round trip."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
