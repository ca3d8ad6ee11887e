"""The sets that models are compared on: where each comes from, its budget, and who or what is held out.

A set is a file in the folder of --data, or one that a pip package ships. Where the set has an official test part, that
is held out, and seeds are about training only; else the seed also decides who is held out.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from factory import data
from factory.artifacts import TEST, TRAIN, Budget, Dataset

PACKAGE = "package:"


@dataclass(frozen=True)
class Set:
    """One row of the comparison."""

    name: str
    source: str  # file in the folder of --data, or package:NAME
    budget: Budget
    stranger: bool = False  # hold out one group, another for each seed, in place of the official test


def _set(name: str, source: str, kb: float, minutes: float, *, macs: int | None = None, stranger: bool = False) -> Set:
    return Set(name, source, Budget(kb, macs, minutes), stranger)


SETS = {
    each.name: each
    for each in (
        _set("ucihar-20kB", "ucihar.npz", 20, 10, macs=60_000),
        _set("ucihar-64kB", "ucihar.npz", 64, 30),
        _set("ecg5000", "ecg5000.npz", 16, 10),
        _set("forda", "forda.npz", 64, 15),
        _set("fsdd", "fsdd.npz", 50, 15),
        _set("fsdd-speaker", "fsdd.npz", 50, 15, stranger=True),
        _set("electricdevices", "electricdevices.npz", 64, 15),
        _set("plaid", "plaid.npz", 64, 15),
        _set("racketsports", "racketsports.npz", 32, 5),
        _set("basicmotions", "basicmotions.npz", 32, 5),
        _set("gesturepebble", "gesturepebble_z1.npz", 32, 5),
        _set("ceiling-fan", "ceiling_fan.npz", 32, 10),
        _set("magicwand", "magicwand_digits.npz", 32, 5),
        _set("occupancy", "occupancy.npz", 16, 5),
        _set("hapt", "hapt_stream.npz", 64, 15),
        _set("seglearn-watch", "package:seglearn-watch", 64, 10),
    )
}


def there(folder: Path | None) -> list[str]:
    """Names of the sets that can be loaded: those of packages, and those whose file is in `folder`."""
    return [name for name, each in SETS.items() if each.source.startswith(PACKAGE) or _file(each, folder)]


def load(name: str, folder: Path | None, seed: int) -> Dataset:
    """All parts of a set, as they are for this seed."""
    each = SETS[name]
    if each.source.startswith(PACKAGE):
        return data.windows(_seeded(data.load(each.source), seed))
    path = _file(each, folder)
    if path is None:
        raise FileNotFoundError(f"{each.source} is not in {folder}: say where it is by --data")
    loaded = data.load(str(path))
    return data.windows(_stranger(loaded, seed) if each.stranger else _seeded(loaded, seed))


def _file(each: Set, folder: Path | None) -> Path | None:
    path = None if folder is None else folder / each.source
    return path if path is not None and path.is_file() else None


def _seeded(loaded: data.Loaded, seed: int) -> data.Loaded:
    if loaded.task.split.by == "given":
        return loaded
    split = dataclasses.replace(loaded.task.split, seed=seed)
    return dataclasses.replace(loaded, task=dataclasses.replace(loaded.task, split=split))


def _stranger(loaded: data.Loaded, seed: int) -> data.Loaded:
    groups = np.unique([recording.group for recording in loaded.recordings])
    held_out = groups[seed % len(groups)]
    given = tuple(TEST if recording.group == held_out else TRAIN for recording in loaded.recordings)
    task = dataclasses.replace(loaded.task, split=dataclasses.replace(loaded.task.split, by="given"))
    return dataclasses.replace(loaded, task=task, given=given)
