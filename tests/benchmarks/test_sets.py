"""Where sets come from, and who is held out of them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import sets
from factory.artifacts import TEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 120 clips of 3 speakers and 2 words; each speaker's first takes are the official test."""
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "fsdd.npz",
        X=rng.normal(size=(120 * 30, 1)).astype(np.float32),
        y=np.tile([0, 1], 60),
        rec_ptr=np.arange(0, 3601, 30),
        rec_groups=np.repeat([0, 1, 2], 40),
        rec_split=np.arange(120) % 40 < 8,
        rate_hz=np.array(8000.0),
    )
    return tmp_path


def test_only_sets_that_are_there_are_listed(folder: Path) -> None:
    assert sets.there(None) == ["seglearn-watch"]
    assert sets.there(folder) == ["fsdd", "fsdd-speaker", "seglearn-watch"]
    with pytest.raises(FileNotFoundError, match=r"forda.npz is not in .*: say where it is by --data"):
        sets.load("forda", folder, 0)


def test_an_official_test_is_the_same_for_every_seed(folder: Path) -> None:
    held_out = [sets.load("fsdd", folder, seed) for seed in (0, 1)]
    assert held_out[0].digest == held_out[1].digest
    assert int((held_out[0].part == TEST).sum()) == 24
    assert len(set(held_out[0].group[held_out[0].part == TEST].tolist())) == 3


@pytest.mark.parametrize(("seed", "speaker"), [(0, "0"), (1, "1"), (3, "0")])
def test_each_seed_holds_out_another_speaker(folder: Path, seed: int, speaker: str) -> None:
    dataset = sets.load("fsdd-speaker", folder, seed)
    groups = [set(dataset.group[dataset.part == part].tolist()) for part in range(3)]
    assert groups[TEST] == {speaker}
    assert not groups[TEST] & (groups[0] | groups[1])
    assert not groups[0] & groups[1]


def test_without_an_official_test_the_seed_holds_out_other_people() -> None:
    people = [
        tuple(sorted(set(dataset.group[dataset.part == TEST].tolist())))
        for dataset in (sets.load("seglearn-watch", None, seed) for seed in range(3))
    ]
    assert len(set(people)) > 1
