"""Gets a blob by its digest: from its retained topic where it is small, else piece by piece.

Rules
1. What is on disk already is not fetched again, also after the agent was killed: pieces are kept as they come.
2. Pieces are asked for in windows of `WINDOW`; a window that does not fill in time is asked for again, with back-off.
3. A small blob that does not come on its retained topic in time is asked for in pieces too: the broker may have lost
   it.
4. Connected, but without anything new for `stall_timeout_s`: the transfer has failed. Time without a connection does
   not count.
5. What comes is believed only whole, by length and SHA-256. A piece of the wrong length is dropped.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from edge_agent.blobs import Blobs
from edge_agent.config import Limits
from edge_agent.errors import LinkLost, Refused
from protocol import chunks, codec, topics
from protocol.messages import BlobRequest, Reason
from protocol.topics import DeviceTopics
from protocol.trust import FileRef

log = logging.getLogger(__name__)

WINDOW = 4  # pieces asked for at a time
INLINE_WAIT_S = 1.0  # a retained message comes at once, or the broker has none
MAX_BACK_OFF = 10  # times `request_timeout_s`

Progress = Callable[[int], None]


class Wire(Protocol):
    """What delivery needs of the link."""

    async def up(self) -> None:
        """Return when the link is up."""

    async def subscribe(self, topic: str) -> None:
        """Take in a topic; raises LinkLost."""

    def unsubscribe(self, topic: str) -> None:
        """Take in a topic no longer."""

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Send a message."""


class Delivery:
    """Fetches one blob at a time into `blobs`."""

    def __init__(self, wire: Wire, blobs: Blobs, device: DeviceTopics, limits: Limits) -> None:
        self._wire, self._blobs, self._device, self._limits = wire, blobs, device, limits
        self._wanted: FileRef | None = None
        self._whole: bytes | None = None
        self._failure: Refused | None = None
        self._arrived = asyncio.Event()

    async def fetch(self, ref: FileRef, progress: Progress) -> bytes:
        """The blob; it is on disk then. `progress` hears how many bytes of it have come.

        Raises:
            Refused: it did not come, or is not what was signed, or the disk is full.
        """
        have = self._blobs.get(ref)
        if have is not None:
            return have
        self._wanted, self._whole, self._failure = ref, None, None
        inline = ref.length <= chunks.INLINE_BYTES
        subscriptions = [self._device.chunks(ref.sha256), *([topics.blob(ref.sha256)] if inline else [])]
        try:
            for topic in subscriptions:
                await self._subscribe(topic)
            if inline and await self._news(min(INLINE_WAIT_S, self._limits.request_timeout_s)):
                progress(ref.length)
            else:
                await self._pull(ref, progress)
            return self._finish(ref)
        finally:
            self._wanted = self._whole = None
            for topic in subscriptions:
                self._wire.unsubscribe(topic)

    def take(self, topic: str, payload: bytes) -> bool:
        """Store a message where it belongs to the blob on its way; whether it did."""
        ref = self._wanted
        if ref is None:
            return False
        if topics.blob_digest(topic) == ref.sha256:
            self._whole = payload
            self._arrived.set()
            return True
        index = self._device.chunk_index(topic, ref.sha256)
        if index is None:
            return False
        try:
            if self._blobs.put_piece(ref, index, payload):
                self._arrived.set()
            else:
                log.warning("dropped a piece: number %d, %d bytes, of %s", index, len(payload), ref.sha256[:12])
        except Refused as error:
            self._failure = error
            self._arrived.set()
        return True

    async def _pull(self, ref: FileRef, progress: Progress) -> None:
        """Rules 2 and 4."""
        patience, stalled_s = 1, 0.0
        while missing := self._blobs.missing(ref):
            progress((chunks.count(ref.length) - len(missing)) * chunks.CHUNK_BYTES)
            await self._wire.up()
            began = time.monotonic()
            asked = self._ask(ref, missing)
            if await self._filled(ref, missing, self._limits.request_timeout_s * patience):
                patience, stalled_s = 1, 0.0
                continue
            patience = min(2 * patience, MAX_BACK_OFF)
            stalled_s += (time.monotonic() - began) if asked else 0.0
            if stalled_s > self._limits.stall_timeout_s:
                raise Refused(Reason.TIMED_OUT, f"no piece of {ref.sha256[:12]} came in {stalled_s:.0f} s")

    def _ask(self, ref: FileRef, missing: list[int]) -> bool:
        request = BlobRequest(
            sha256=ref.sha256, length=ref.length, missing=chunks.to_bitmap(missing, ref.length), window=WINDOW
        )
        return self._wire.publish(self._device.of("blob/get"), codec.encode(request))

    async def _filled(self, ref: FileRef, missing: list[int], timeout_s: float) -> bool:
        """Wait until the first window of `missing` has come, or any time passes without news; whether anything came."""
        awaited, came = set(missing[:WINDOW]), False
        while awaited & set(self._blobs.missing(ref)):
            if not await self._news(timeout_s):
                return came
            came = True
            if self._whole is not None:  # the retained copy came after all
                return self._cut(ref, self._whole)
        return True

    def _cut(self, ref: FileRef, blob: bytes) -> bool:
        self._whole = None
        return all(
            self._blobs.put_piece(ref, i, blob[slice(*chunks.span(i, ref.length))])
            for i in range(chunks.count(ref.length))
        )

    async def _news(self, timeout_s: float) -> bool:
        """Whether something came before the time was up."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return False
        self._arrived.clear()
        if self._failure is not None:
            raise self._failure
        return True

    async def _subscribe(self, topic: str) -> None:
        while True:
            await self._wire.up()
            try:
                return await self._wire.subscribe(topic)
            except LinkLost as error:
                log.info("subscribing again: %s", error)

    def _finish(self, ref: FileRef) -> bytes:
        if self._whole is None:
            return self._blobs.assemble(ref)
        self._blobs.put(self._whole, ref)
        return self._whole
