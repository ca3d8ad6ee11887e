"""Reads from the registry what each page shows. Thin: which rows; `present` and `catalogue` decide what they mean."""

from dataclasses import dataclass

from flask import g

from factory.registry import Registry
from factory.registry.rows import DeviceRow, ReleaseRow
from factory.web import catalogue
from factory.web.catalogue import Facts, JobView, ModelRow
from factory.web.context import web
from factory.web.naming import Label, Names
from factory.web.present import DeviceView, FleetRow, Running, device_view, fleet_row, running_release
from protocol import manifest
from protocol.errors import Malformed

STEPS_SHOWN = 60
POINTS_FLEET, POINTS_DEVICE = 120, 1000
JOBS_SHOWN, JOBS_OF_DEVICE = 100, 5


@dataclass(frozen=True)
class Reader:
    """What the pages show, at one instant."""

    registry: Registry
    names: Names
    releases: list[ReleaseRow]
    now: float

    def fleet(self) -> list[FleetRow]:
        """Every device, by name."""
        return [fleet_row(row, self._running(row, POINTS_FLEET), self.now) for row in self.registry.devices()]

    def device(self, name: str) -> DeviceView:
        """One device. Raises BadInput where there is none of this name."""
        row = self.registry.device(name)
        running = self._running(row, POINTS_DEVICE)
        release = self.names.row(running.label.release) if running else None
        known = self.facts(release) if release else None
        events = self.registry.events(name, limit=STEPS_SHOWN)
        return device_view(row, running, events, self.names, known.classes if known else (), self.now)

    def models(self) -> list[ModelRow]:
        """Every release, newest first."""
        return [catalogue.model_row(row, self.facts(row)) for row in self.releases]

    def jobs(self) -> list[JobView]:
        """The latest jobs, newest first."""
        return [catalogue.job_view(job, self.names, self.now) for job in self.registry.jobs(JOBS_SHOWN)]

    def jobs_of(self, device: DeviceRow) -> tuple[JobView, ...]:
        """The latest jobs about a device."""
        return catalogue.concerning(self.jobs(), frozenset((device.name, device.group)))[:JOBS_OF_DEVICE]

    def facts(self, row: ReleaseRow) -> Facts | None:
        """What a release's manifest says; None where it is not at hand or no manifest."""
        try:
            return catalogue.facts(manifest.decode(self.registry.blobs.get(row.manifest)))
        except (KeyError, Malformed):
            return None

    def holders(self, release: str) -> list[FleetRow]:
        """The devices that run a release."""
        return [row for row in self.fleet() if row.model and row.model.release == release]

    def groups(self) -> list[str]:
        """Every group that has a device."""
        return sorted({row.group for row in self.registry.devices()})

    def choices(self) -> list[Label]:
        """Every release a device may be given."""
        return [Label(row.release, row.name, row.precision) for row in self.releases]

    def _running(self, device: DeviceRow, points: int) -> Running | None:
        """What a device has counted with the release it runs."""
        release = running_release(device, self.names)
        if release is None:
            return None
        totals = next((row for row in self.registry.totals(device.name, release) if row.slot == "active"), None)
        label = self.names.label(release) or Label(release, None, None)
        return Running(label, totals, self.registry.series(device.name, release, points))


def reader() -> Reader:
    """The registry as it is now.

    The revision is read first: a change that comes while the page is made is then told to it again, and never missed.
    """
    registry = web().registry
    g.revision = registry.revision()
    releases = registry.releases()
    return Reader(registry, Names(releases), releases, web().now())
