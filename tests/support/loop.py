"""The loop over any broker, with the agent in any Python: push, run, label, report."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory import data
from factory.artifacts import Recording, Task
from factory.config import FactoryConfig
from factory.demo.device import DemoDevice
from factory.fleet.enrolment import Access
from factory.registry import Registry
from factory.registry.rows import ReleaseRow, TotalsRow
from factory.release import Keyring
from factory.serving import Serving, serving
from protocol.messages import Label
from tests.support.house import wait

T0 = 1_700_000_000.0


@dataclass(frozen=True)
class Outing:
    """A release, and what the device it goes to will see."""

    config: FactoryConfig
    keyring: Keyring
    release: ReleaseRow
    task: Task
    recordings: Sequence[Recording]


@contextlib.contextmanager
def fleet_of_one(outing: Outing, device: DemoDevice, access: Access | None) -> Iterator[tuple[Registry, Serving]]:
    """A served factory and one running agent, ground truth waiting for it. `access` None: the embedded broker."""
    device.folder.mkdir(parents=True)
    data.write_replay(outing.recordings, outing.task, device.replay, T0)
    with Registry.open(outing.config.home) as registry, serving(outing.config, registry, outing.keyring) as running:
        registry.enrol(device.name, "bench", time.time())
        device.enrol(outing.config.fleet, access or Access(running.broker_url), outing.keyring.root_document, 0.0)
        registry.queue_labels(device.name, labels(outing), time.time())
        with device:
            yield registry, running


def close_the_loop(outing: Outing, device: DemoDevice, access: Access | None, windows: int) -> TotalsRow:
    """What the device has reported once it was pushed the release and all its windows are labelled."""
    with fleet_of_one(outing, device, access) as (registry, _):
        wanted = {"release": outing.release.release, "to": device.name, "slot": "active"}
        job = registry.submit("push", wanted, "ann", time.time())
        wait(lambda: registry.job(job.id).state in {"done", "failed"}, 60)
        assert registry.job(job.id).state == "done", (registry.job(job.id).error, device.log.read_text())
        return await_labelled(registry, device, windows)


def await_labelled(registry: Registry, device: DemoDevice, windows: int) -> TotalsRow:
    """What the device has reported once so many windows are labelled."""
    wait(lambda: any(row.n_labelled >= windows for row in registry.totals(device.name)), 60)
    (totals,) = registry.totals(device.name)
    return totals


def labels(outing: Outing) -> list[Label]:
    """The ground truth of the recordings, by time."""
    starts = data.start_times(outing.recordings, outing.task.rate_hz, T0)
    return [
        Label(label_id=f"{recording.name}/{i}", y=seen.y, source="test", t=seen.t1, t0=seen.t0, t1=seen.t1)
        for recording, start in zip(outing.recordings, starts, strict=True)
        for i, seen in enumerate(data.label_intervals(recording, start, outing.task))
    ]
