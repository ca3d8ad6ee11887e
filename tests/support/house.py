"""A factory's registry, keys and broker, for tests that run its service on them."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory import operate
from factory.config import FactoryConfig, Limits
from factory.fleet.broker import EmbeddedBroker
from factory.registry import Registry
from factory.registry.rows import JobRow, ReleaseRow
from factory.release import Keyring
from factory.serving import on_free_ports
from tests.support.device import SimulatedDevice
from tests.support.registry import make_release

LIMITS = Limits(push_timeout_s=3.0, label_resend_s=0.5, job_lease_s=1.0)


@dataclass
class House:
    """A factory's registry, keys and broker; `service()` runs a service on them."""

    config: FactoryConfig
    registry: Registry
    keyring: Keyring
    broker: EmbeddedBroker

    @contextlib.contextmanager
    def service(self, clock: Callable[[], float] = time.time) -> Iterator[None]:
        stop = threading.Event()
        link = operate.open_link(self.config, self.broker.url)
        thread = threading.Thread(
            target=operate.Service(self.config, self.registry, self.keyring, link, clock).run, args=(stop,)
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)
            link.close()

    def device(self, **changes: object) -> SimulatedDevice:
        device = SimulatedDevice(self.broker.url, self.keyring.root_document)
        for name, value in changes.items():
            setattr(device, name, value)
        return device

    def release(self, model: bytes) -> ReleaseRow:
        row = make_release(self.registry, model)
        manifest = self.registry.blobs.get(row.manifest)
        document = self.keyring.sign_release(manifest, model, datetime(2100, 1, 1, tzinfo=UTC))
        signed = replace(row, release=self.registry.blobs.put(document), release_length=len(document))
        self.registry.add_release(signed)
        return signed

    def push(self, release: ReleaseRow, to: str = "pi") -> JobRow:
        payload = {"release": release.release, "to": to, "slot": "active"}
        return self.registry.submit("push", payload, "ann", time.time())

    def ended(self, job: JobRow) -> bool:
        return self.registry.job(job.id).state in {"done", "failed"}

    def runs(self, device: SimulatedDevice, release: ReleaseRow) -> bool:
        return "active" in device.slots and device.slots["active"].release == release.release


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    config = on_free_ports(FactoryConfig(tmp_path, "home", limits=LIMITS))
    with EmbeddedBroker(config.broker.port, tmp_path) as broker, Registry.open(tmp_path) as registry:
        registry.enrol("pi", "bench", 1.0)
        yield House(config, registry, Keyring.open(tmp_path / "keys", datetime.now(UTC)), broker)


def wait(done: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until `done` says so; AssertionError where it never does."""
    until = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < until, f"nothing happened in {timeout_s} s"
        time.sleep(0.05)
