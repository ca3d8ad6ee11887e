"""The registry contracts run through a `registry` at a `place`; each test file says which."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.registry",
    "tests.contracts.registry_fleet",
    "tests.contracts.registry_metrics",
    "tests.contracts.registry_people",
    "tests.contracts.registry_processes",
)

from factory.registry import Registry  # noqa: E402  (after the rewriting of assertions is set up)
from tests.contracts.registry import Place  # noqa: E402
from tests.support.postgres import PostgresServer, postgres_server  # noqa: E402


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    with place.open() as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server
