"""The registry on PostgreSQL keeps every promise of a registry."""

from pathlib import Path

import pytest

from tests.contracts import registry, registry_fleet, registry_metrics, registry_people, registry_processes
from tests.contracts.registry import Place
from tests.support.postgres import PostgresServer


@pytest.fixture
def place(tmp_path: Path, postgres: PostgresServer) -> Place:
    return Place(tmp_path / "factory", postgres.new_database())


class TestSchema(registry.SchemaContract):
    pass


class TestStudies(registry.StudiesContract):
    pass


class TestReleases(registry.ReleasesContract):
    pass


class TestRevision(registry.RevisionContract):
    pass


class TestDevices(registry_fleet.DevicesContract):
    pass


class TestEvents(registry_fleet.EventsContract):
    pass


class TestMetrics(registry_metrics.MetricsContract):
    pass


class TestLabels(registry_fleet.LabelsContract):
    pass


class TestUsers(registry_people.UsersContract):
    pass


class TestJobs(registry_processes.JobsContract):
    pass


class TestProcesses(registry_processes.ProcessesContract):
    pass
