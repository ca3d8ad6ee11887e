"""A broker, a factory in memory, and an enrolled agent, for tests that need them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.agent import AgentProcess
from tests.support.broker import broker
from tests.support.factory import SimulatedFactory
from tests.support.stream import Stream

MakeAgent = Callable[..., AgentProcess]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A broker that the tests of one file share; each test has a device name of its own."""
    with broker() as running:
        yield running


@pytest.fixture
def factory(url: str, request: pytest.FixtureRequest) -> Iterator[SimulatedFactory]:
    """A factory with new keys and one device, whose name comes from the test's."""
    device = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_"))[:40].strip("-").lower()
    with SimulatedFactory(url, device=device) as running:
        yield running


@pytest.fixture
def make_agent(factory: SimulatedFactory, tmp_path: Path) -> Iterator[MakeAgent]:
    """Enrols an agent that replays recordings; ends it with the test."""
    made: list[AgentProcess] = []

    def make(recordings: Stream, speed: float = 0.0, **limits: float) -> AgentProcess:
        recordings.save(tmp_path / "replay.npz")
        sensor = {"kind": "replay", "file": str(tmp_path / "replay.npz"), "speed": speed}
        agent = AgentProcess(tmp_path / f"home{len(made)}", factory.url, sensor, limits)
        made.append(agent.enrol(factory.root, factory.fleet, factory.device))
        return agent

    yield make
    for agent in made:
        agent.__exit__()
