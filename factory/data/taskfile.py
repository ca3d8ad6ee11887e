"""What a task file may say. Every key is optional; a key that is not here is refused, with the nearest one named."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct, field

from factory.artifacts import Kind
from factory.data.limits import LIMITS
from factory.data.source import nearest
from factory.errors import BadInput


class Columns(Struct, frozen=True):
    """`[columns]`: which column is what. Default: a column called label, time, group or recording is that."""

    label: str | None = None
    time: str | None = None  # seconds, or timestamps
    group: str | None = None  # person, device: what must not be in two parts
    recording: str | None = None
    channels: tuple[str, ...] | None = None  # default: every other column


SplitBy = Literal["given", "group", "time"]


class SplitFile(Struct, frozen=True):
    """`[split]`: see `artifacts.Split`. Default of `by`: as the file gives it, else by group, else by time."""

    by: SplitBy | None = None
    test_share: float = 0.3
    validation_share: float = 0.2
    seed: int = 0


class TaskFile(Struct, frozen=True):
    """A whole task file."""

    name: str | None = None
    kind: Kind = "classification"
    normal: tuple[str, ...] | str | None = None  # of an anomaly task: labels of what is normal; others are anomalies
    rate_hz: float | None = None
    window: int | None = None  # samples
    window_s: float | None = None  # seconds
    hop: int | None = None  # samples
    hop_s: float | None = None  # seconds
    classes: tuple[str, ...] | None = None  # those to tell apart, in this order; other labels count as unlabelled
    units: tuple[str, ...] | str | None = None  # one a channel, or one for all
    columns: Columns = field(default_factory=Columns)
    split: SplitFile = field(default_factory=SplitFile)


def read_task_file(path: Path) -> TaskFile:
    """The task file at `path`.

    Raises:
        BadInput: it is missing, too long, not TOML, or has an unknown key or a value of the wrong type.
    """
    if not path.is_file():
        raise BadInput("task", f"there is no file {str(path)!r}", "Give the path of a TOML file, or leave it out")
    if path.stat().st_size > LIMITS.max_task_file_bytes:
        raise BadInput("task", f"{path.name} is over {LIMITS.max_task_file_bytes} bytes", "Give a task file, not data")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("task", f"{path.name} is not TOML: {error}", "Correct that line") from error
    return parse(raw)


def parse(raw: Mapping[str, Any]) -> TaskFile:
    """The task file whose TOML says `raw`."""
    _refuse_unknown(raw, TaskFile, "task")
    for section, kind in (("columns", Columns), ("split", SplitFile)):
        inner = raw.get(section, {})
        if not isinstance(inner, dict):
            raise BadInput(f"task.{section}", f"{inner!r} is not a section", f"Write [{section}] and its keys below")
        _refuse_unknown(inner, kind, f"task.{section}")
    by = raw.get("split", {}).get("by", "time")
    purpose = raw.get("kind", "classification")
    if purpose not in get_args(Kind):
        raise BadInput("task.kind", f"{purpose!r} is no kind of task", nearest(str(purpose), get_args(Kind)))
    if "normal" in raw and purpose != "anomaly":
        raise BadInput(
            "task.normal", f"a {purpose} has nothing that is normal", "Add kind = 'anomaly', or leave it out"
        )
    if by not in get_args(SplitBy):
        raise BadInput("task.split.by", f"{by!r} is no way to split", nearest(str(by), get_args(SplitBy)))
    try:
        return msgspec.convert(raw, TaskFile)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).replace(" | null", "").partition(" - at `$")
        where = "task" + place.rstrip("`")
        raise BadInput(where, problem[:1].lower() + problem[1:], "Correct the value in the task file") from error


def _refuse_unknown(raw: Mapping[str, Any], kind: type[Struct], where: str) -> None:
    for key in raw:
        if key not in kind.__struct_fields__:
            raise BadInput(f"{where}.{key}", "there is no such key", nearest(key, kind.__struct_fields__))
