"""Task files: what they may say, and what is said about what they may not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data
from factory.artifacts import Split
from factory.data.taskfile import read_task_file
from factory.errors import BadInput

Arrays = dict[str, Any]
Save = Callable[[Arrays], str]
Write = Callable[[str], Path]

WHOLE = """
name = "gait"
rate_hz = 51
window_s = 0.4
hop = 5
classes = ["run", "walk"]
units = "m/s2"

[split]
by = "time"
test_share = 0.25
validation_share = 0.15
seed = 7
"""


def test_a_whole_task_file_has_its_say(streams: Arrays, save: Save, task: Write) -> None:
    settled = data.load(save(streams), task(WHOLE)).task
    assert (settled.name, settled.rate_hz, settled.window, settled.hop) == ("gait", 51.0, 20, 5)
    assert settled.classes == ("run", "walk")
    assert settled.units == ("m/s2", "m/s2")
    assert settled.split == Split("time", 0.25, 0.15, 7)


def test_without_a_task_file_the_data_speak_for_themselves(streams: Arrays, save: Save) -> None:
    settled = data.load(save(streams)).task
    assert (settled.name, settled.rate_hz, settled.split.by) == ("walk", 50.0, "group")
    assert (settled.window, settled.hop) == (20, 10)  # four seconds would be 200 samples; a class lasts 30 at a time
    assert settled.units == ("", "")


def test_classes_that_are_not_listed_count_as_unlabelled(streams: Arrays, save: Save, task: Write) -> None:
    streams["classes"] = [*streams["classes"].tolist(), "idle"]
    streams["y"][:30] = 2
    loaded = data.load(save(streams), task('classes = ["run", "walk"]\n'))
    assert [loaded.recordings[0].labels[i] for i in (0, 30)] == [-1, 0]
    assert loaded.recordings[1].labels[0] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "rate_hertz = 50", r"task.rate_hertz: there is no such key. Perhaps 'rate_hz' is meant", id="a key"
        ),
        pytest.param(
            "quux = 1", r"task.quux: there is no such key. Use one of: classes, columns", id="a key like none"
        ),
        pytest.param("[split]\nbuy = 'time'", r"task.split.buy: .*(Perhaps|Use one of)", id="a key of a section"),
        pytest.param("[columns]\ngruop = 'x'", r"task.columns.gruop: .*Perhaps 'group'", id="another key of a section"),
        pytest.param(
            "columns = 3", r"task.columns: 3 is not a section. Write \[columns\]", id="a number for a section"
        ),
        pytest.param("rate_hz = 'fast'", r"task.rate_hz: expected `float`, got `str`", id="text for a number"),
        pytest.param("window = 1.5", r"task.window: expected `int`, got `float`", id="half a sample"),
        pytest.param("classes = ['a', 3]", r"task.classes\[1\]: expected `str`, got `int`", id="a number for a name"),
        pytest.param("rate_hz = fast\n", r"task: TASK.toml is not TOML: .*line 1", id="no TOML"),
        pytest.param("rate_hz = 0", r"task.rate_hz: 0 is not a rate. Use the sensor's samples", id="a rate of zero"),
        pytest.param("rate_hz = -50", r"task.rate_hz: -50 is not a rate", id="a negative rate"),
        pytest.param("rate_hz = inf", r"task.rate_hz: inf is not a rate", id="an infinite rate"),
        pytest.param("rate_hz = nan", r"task.rate_hz: nan is not a rate", id="a rate that is no number"),
        pytest.param("rate_hz = 100", r"task.rate_hz: 100 contradicts the 50 Hz of walk.npz", id="another rate"),
        pytest.param("window = 0", r"task.window: that is 0 samples. Give at least one", id="an empty window"),
        pytest.param("window_s = 0.001", r"task.window_s: that is 0 samples", id="a window of less than a sample"),
        pytest.param("window_s = nan", r"task.window_s: that is 0 samples", id="a window that is no number"),
        pytest.param("hop = -1", r"task.hop: that is -1 samples", id="a negative hop"),
        pytest.param("window = 9\nwindow_s = 1", r"task.window_s: window is given too. Keep one of", id="two windows"),
        pytest.param(
            "window = 61", r"task.window: 61 samples are longer than the longest .*60", id="a window too long"
        ),
        pytest.param(
            "window = 40", r"no window of 40 samples lies wholly in class|no window carries", id="no pure window"
        ),
        pytest.param("classes = ['walk', 'ran']", r"task.classes: .*'ran'. Perhaps 'run'", id="an unknown class"),
        pytest.param("classes = ['run', 'run']", r"task.classes: 'run' occurs more than once", id="a class twice"),
        pytest.param("window = 7\nclasses = ['run']", r"only class 'run' occurs", id="one class only"),
        pytest.param("units = ['g']", r"task.units: 1 units for 2 channels", id="too few units"),
        pytest.param("name = ''", r"task.name: '' has 0 characters", id="no name"),
        pytest.param(
            "[split]\nby = 'person'", r"task.split.by: 'person' is no way to split. Use one of: given", id="a split"
        ),
        pytest.param(
            "[split]\nby = 'given'", r"task.split.by: walk.npz gives no split", id="a split that is not given"
        ),
        pytest.param("[split]\ntest_share = 0", r"task.split.test_share: 0 is not a share", id="nothing held out"),
        pytest.param("[split]\nvalidation_share = 1.5", r"task.split.validation_share: 1.5 is not", id="more than all"),
        pytest.param("[split]\ntest_share = 0.8", r"task.split.test_share: .*nothing to train on", id="nothing left"),
        pytest.param("[split]\nseed = -1", r"task.split.seed: -1 is below 0", id="a negative seed"),
    ],
)
def test_a_task_file_is_refused_in_one_line(streams: Arrays, save: Save, task: Write, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        data.windows(data.load(save(streams), task(text)))
    assert "\n" not in str(caught.value)


def test_ready_windows_cannot_be_cut_again(ready: Arrays, save: Save, task: Write) -> None:
    assert data.load(save(ready), task("window = 10")).task.window == 10
    with pytest.raises(BadInput, match=r"task.hop: 5 samples, but the windows of walk.npz are ready and have 10"):
        data.load(save(ready), task("hop = 5"))


def test_two_groups_are_too_few_to_split_by_group(streams: Arrays, save: Save, task: Write) -> None:
    streams["rec_groups"] = streams["rec_groups"] == "p0"
    assert data.load(save(streams)).task.split.by == "time"
    with pytest.raises(BadInput, match=r"task.split.by: 2 groups are too few .*by = 'time'"):
        data.load(save(streams), task("[split]\nby = 'group'"))


def test_a_task_file_gives_the_rate_that_the_data_lack(streams: Arrays, save: Save, task: Write) -> None:
    streams["rate_hz"] = streams["rate_hz"] * 0
    loaded = data.load(save(streams), task("rate_hz = 30"))
    assert (loaded.task.rate_hz, loaded.notes) == (30.0, ())


def test_an_unknown_rate_counts_samples_and_is_said(streams: Arrays, save: Save, task: Write) -> None:
    for absent in ({"rate_hz": np.array(0.0)}, {}):
        arrays = {name: values for name, values in streams.items() if name != "rate_hz"} | absent
        loaded = data.load(save(arrays))
        assert loaded.task.rate_hz == 1.0
        assert [note for note in loaded.notes if "does not give its rate" in note and "rate_hz" in note]
        assert (loaded.task.window, loaded.task.hop) == (20, 10)  # not four samples
        with pytest.raises(
            BadInput, match=r"task.window_s: neither the data .* Give rate_hz too, or window in samples"
        ):
            data.load(save(arrays), task("window_s = 1"))


def test_a_class_called_unlabelled_is_none_unless_the_task_file_lists_it(
    streams: Arrays, save: Save, task: Write
) -> None:
    streams["classes"] = np.array(["walk", "run", "UNLABELLED"])
    streams["y"][::60] = 2
    loaded = data.load(save(streams))
    assert loaded.task.classes == ("walk", "run")
    assert loaded.recordings[0].labels[0] == -1
    assert any("'UNLABELLED' counts as unlabelled" in note for note in loaded.notes)
    listed = data.load(save(streams), task("window = 1\nclasses = ['walk', 'run', 'UNLABELLED']"))
    assert listed.recordings[0].labels[0] == 2


def test_a_task_file_that_is_not_there_or_far_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"task: there is no file"):
        read_task_file(tmp_path / "TASK.toml")
    (tmp_path / "TASK.toml").write_text("#" * 70_000)
    with pytest.raises(BadInput, match=r"task: TASK.toml is over 65536 bytes"):
        read_task_file(tmp_path / "TASK.toml")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.npz", None, r"data: there is no file '.*a.npz'", id="a file that is not there"),
        pytest.param("a.npz", b"", r"a.npz: the file is empty", id="an empty archive"),
        pytest.param("a.csv", b"", r"a.csv: the file is empty", id="an empty table"),
        pytest.param(
            "a.xlsx", b"x", r"a.xlsx: .xlsx is not a format the factory reads. Use one of: .csv", id="a format"
        ),
        pytest.param("a", b"x", r"a: no suffix is not a format", id="no suffix"),
    ],
)
def test_a_source_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        data.load(str(tmp_path / name))
