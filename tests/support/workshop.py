"""A model that a real build has made, once for all tests that need one."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory import data, pipeline
from factory.artifacts import TEST, Budget, Dataset, Recording, Trial
from factory.registry import Registry
from factory.release import Keyring
from tests.support.recordings import write_recordings


class Silent:
    """A progress that nobody watches."""

    def stage(self, text: str) -> None:
        pass

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        pass


@dataclass(frozen=True)
class Workshop:
    """A factory's home with one release in it."""

    home: Path
    dataset: Dataset
    held_out: list[Recording]
    budget: Budget
    built: pipeline.Built


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("workshop")
    write_recordings(folder / "people.npz")
    loaded = data.load(str(folder / "people.npz"))
    dataset = data.windows(loaded)
    home = folder / "home"
    with Registry.open(home) as registry:
        budget = Budget(max_kb=32, minutes=2, max_trials=1)
        order = pipeline.Order("people", dataset, budget, 0, folder / "model")
        built = pipeline.produce(order, registry, Keyring.open(home / "keys", datetime.now(UTC)), Silent(), 3650)
    return Workshop(home, dataset, data.recordings(loaded, TEST), budget, built)


@pytest.fixture
def home(workshop: Workshop, tmp_path: Path) -> Path:
    """A copy of the workshop's home, for one test to work on."""
    return Path(shutil.copytree(workshop.home, tmp_path / "home"))
