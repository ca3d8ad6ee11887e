"""Brings to the factory what it must know: the outbox, message by message until each has its receipt, and the
reported state.

Rules
1. Messages go out in the order of their numbers, at most `IN_FLIGHT` without a receipt.
2. After each connect, and when no receipt came for `receipt_timeout_s`, everything without a receipt goes out again.
3. Reported state is sent when it has changed, at most once in `PAUSE_S`; the last change is always sent.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from edge_agent.outbox import Outbox
from protocol import codec
from protocol.messages import Reported
from protocol.topics import DeviceTopics

IN_FLIGHT = 256
PAUSE_S = 0.1
LOOK_EVERY_S = 1.0


class Sender(Protocol):
    """What the courier needs of the link."""

    @property
    def is_up(self) -> bool:
        """Whether messages go out."""

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Send a message; whether it was handed to the network."""


class Courier:
    """Sends in the background; `wake` it when there is news."""

    def __init__(self, sender: Sender, outbox: Outbox, device: DeviceTopics, receipt_timeout_s: float) -> None:
        self._sender, self._outbox, self._device = sender, outbox, device
        self._receipt_timeout_s = receipt_timeout_s
        self._news = asyncio.Event()
        self._last = 0  # the number of the last message that was sent
        self._flying: set[int] = set()
        self._heard = time.monotonic()  # when the factory last confirmed something, or there was nothing to confirm
        self._reported: Callable[[], Reported] | None = None

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    def report(self, reported: Callable[[], Reported]) -> None:
        """Send the reported state as it is when its turn has come."""
        self._reported = reported
        self.wake()

    def start_over(self) -> None:
        """Send everything without a receipt again (rule 2)."""
        self._last, self._heard = 0, time.monotonic()
        self._flying.clear()
        self.wake()

    def confirmed(self, outbox: str, seqs: Iterable[int]) -> None:
        """The factory has stored these messages."""
        seqs = list(seqs)
        self._outbox.confirmed(outbox, seqs)
        self._flying.difference_update(seqs)
        self._heard = time.monotonic()
        self.wake()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()
            if self._sender.is_up:
                self._send_reported()
                self._send_rows()
            await asyncio.sleep(PAUSE_S)

    def _send_rows(self) -> None:
        """Rules 1 and 2."""
        if not self._flying:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > self._receipt_timeout_s:
            self.start_over()
        for row in self._outbox.rows_after(self._last, IN_FLIGHT - len(self._flying)):
            if not self._sender.publish(self._device.of(row.kind), row.payload):
                return
            self._last = row.seq
            self._flying.add(row.seq)

    def _send_reported(self) -> None:
        """Rule 3."""
        if self._reported is not None:
            payload = codec.encode(self._reported())
            if self._sender.publish(self._device.of("reported"), payload, retain=True):
                self._reported = None
