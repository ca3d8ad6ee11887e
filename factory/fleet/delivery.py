"""The messages that bring a release to a device.

Rules
1. Desired is retained and level-triggered: publishing it again changes nothing, so it is published whenever it may
   have been lost.
2. Small blobs go out before the desired document that needs them, retained under their digest: the device finds them
   waiting.
3. A request for pieces is answered with at most its window, and never with bytes that are not a file of a release.
"""

import logging

from factory.fleet.link import Outgoing
from factory.registry import Registry
from factory.registry.rows import ReleaseRow
from protocol import chunks, topics
from protocol.messages import BlobRequest
from protocol.topics import DeviceTopics

log = logging.getLogger(__name__)


def announce(registry: Registry, fleet: str, device: str) -> list[Outgoing]:
    """Everything a device needs to reach its desired state, the desired document last (rules 1 and 2)."""
    desired = registry.device(device).desired
    if desired is None:
        return []
    blobs = [message for release in desired.slots.values() for message in _inline(registry, registry.release(release))]
    return [*blobs, Outgoing(DeviceTopics(fleet, device).of("desired"), desired.document, retain=True)]


def pieces(registry: Registry, device: DeviceTopics, request: BlobRequest) -> list[Outgoing]:
    """The pieces a device asked for (rule 3).

    Raises:
        Malformed: the bitmap does not fit the length.
    """
    if not registry.blobs.has(request.sha256):
        log.warning("%s asked for a blob the registry does not hold: %s", device.device, request.sha256)
        return []
    blob = registry.blobs.get(request.sha256)
    wanted = chunks.from_bitmap(request.missing, request.length)[: request.window]
    if len(blob) != request.length:
        log.warning("%s asked for %s with a wrong length %d", device.device, request.sha256, request.length)
        return []
    return [Outgoing(device.chunk(request.sha256, i), blob[slice(*chunks.span(i, len(blob)))]) for i in wanted]


def _inline(registry: Registry, row: ReleaseRow) -> list[Outgoing]:
    """The files of a release that are small enough to be retained whole, as messages."""
    files = ((row.release, row.release_length), (row.manifest, row.manifest_length), (row.model, row.model_length))
    return [
        Outgoing(topics.blob(sha256), registry.blobs.get(sha256), retain=True)
        for sha256, length in files
        if length <= chunks.INLINE_BYTES
    ]
