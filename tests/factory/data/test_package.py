"""Sets that pip packages ship, and the reader of their pickles."""

import codecs
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data
from factory.artifacts import PARTS
from factory.data.sources.package import read_pickled_arrays
from factory.errors import BadInput

WATCH = "package:seglearn-watch"


@pytest.fixture(scope="module")
def watch() -> data.Loaded:
    return data.load(WATCH)


def test_the_watch_set_is_what_its_authors_describe(watch: data.Loaded) -> None:
    task = watch.task
    assert task.classes == ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
    assert task.channels == ("ax", "ay", "az", "wx", "wy", "wz")
    assert task.units == ("g", "g", "g", "rad/s", "rad/s", "rad/s")
    assert (task.rate_hz, task.window, task.hop, task.name) == (50.0, 200, 100, "seglearn-watch")
    assert len(watch.recordings) == 140
    assert watch.recordings[0].name == "s07-PEN-right-000"
    assert sum(len(recording.samples) for recording in watch.recordings) == 244_102


def test_the_watch_set_holds_three_people_out_and_validates_on_two(watch: data.Loaded) -> None:
    dataset = data.windows(watch)
    people = {name: set(dataset.group[dataset.part == part].tolist()) for name, part in PARTS.items()}
    assert {name: len(group) for name, group in people.items()} == {"train": 5, "validation": 2, "test": 3}
    assert len(set.union(*people.values())) == 10
    for part in PARTS.values():
        assert set(dataset.y[dataset.part == part].tolist()) == set(range(7))


def test_the_watch_set_is_the_same_each_time(watch: data.Loaded) -> None:
    assert data.windows(watch).digest == data.windows(data.load(WATCH)).digest


def test_reading_a_package_does_not_import_it() -> None:
    code = f"import sys; from factory import data; data.load({WATCH!r}); sys.exit('seglearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0


def test_an_unknown_set_is_refused_with_the_nearest_one_named() -> None:
    with pytest.raises(BadInput, match=r"there is no set 'package:seglearn-wach'. Perhaps 'package:seglearn-watch'"):
        data.load("package:seglearn-wach")


def test_columns_are_not_for_packages(tmp_path: Path) -> None:
    path = tmp_path / "TASK.toml"
    path.write_text('[columns]\nlabel = "y"\n')
    with pytest.raises(BadInput, match=r"task.columns: package:seglearn-watch has no columns"):
        data.load(WATCH, path)


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip package 'seglearn' .*not installed. Run: pip install seglearn"):
        data.load(WATCH)


def shipped(path: Path, value: Any, protocol: int = 2) -> Path:
    """A file as numpy writes an object, with the pickle protocol of old Pythons."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(value, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [2, 4])
def test_arrays_in_containers_come_back_as_they_were(tmp_path: Path, protocol: int) -> None:
    value: dict[str, Any] = {"X": [np.arange(6.0).reshape(2, 3)], "y": np.array([1, 2]), "names": ["a", "b"]}
    read = read_pickled_arrays(shipped(tmp_path / "x.npy", value, protocol))
    np.testing.assert_array_equal(read["X"][0], value["X"][0])
    np.testing.assert_array_equal(read["y"], value["y"])
    assert read["names"] == ["a", "b"]


class Calls:
    """Calls a function with arguments when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda folder: Calls(os.mkdir, str(folder / "made")), id="a call of the operating system"),
        pytest.param(
            lambda folder: Calls(eval, f"__import__('os').mkdir({str(folder / 'made')!r})"), id="an expression"
        ),
        pytest.param(
            lambda folder: [np.zeros(2), {"x": Calls(os.mkdir, str(folder / "made"))}], id="one hidden in lists"
        ),
        pytest.param(lambda folder: np.array([Calls(os.mkdir, str(folder / "made"))]), id="one hidden in an array"),
        pytest.param(lambda folder: np.ma.masked_array([1, 2]), id="a kind of array with code of its own"),
        pytest.param(lambda folder: Path("x"), id="any other class"),
        pytest.param(lambda folder: Calls(codecs.encode, "x", "rot13"), id="an encoding that is not for bytes"),
        pytest.param(lambda folder: np.zeros(2).view(np.recarray), id="a subclass of an array"),
    ],
)
def test_a_file_that_asks_for_anything_but_arrays_is_refused_and_does_nothing(tmp_path: Path, value: Any) -> None:
    path = shipped(tmp_path / "x.npy", value(tmp_path))
    with pytest.raises(BadInput, match=r"x.npy: the package's file cannot be read: .*asks for"):
        read_pickled_arrays(path)
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = shipped(tmp_path / "x.npy", {"X": [np.zeros(100)]})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInput, match=r"x.npy: the package's file cannot be read"):
        read_pickled_arrays(path)
