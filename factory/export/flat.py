"""A trial as one row. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from factory.artifacts import Trial

Scalar = bool | int | float | str | None


def rows(trials: Sequence[Trial]) -> list[dict[str, Scalar]]:
    """One row a trial, all with the same columns: what was measured, what it costs, then the architecture."""
    found = [_row(trial) for trial in trials]
    columns = list(dict.fromkeys(name for row in found for name in row))
    return [{name: row.get(name) for name in columns} for row in found]


def flattened(value: object, name: str = "") -> Iterator[tuple[str, Scalar]]:
    """Nested mappings and sequences as pairs of a dotted name and a value: `blocks.0.width`, 16."""
    inner: list[tuple[str, object]]
    if isinstance(value, Mapping):
        inner = [(str(key), entry) for key, entry in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = [(str(i), entry) for i, entry in enumerate(value)]
    else:
        yield name, value if isinstance(value, bool | int | float | str) or value is None else str(value)
        return
    for key, entry in inner:
        yield from flattened(entry, f"{name}.{key}" if name else key)


def _row(trial: Trial) -> dict[str, Scalar]:
    fields = asdict(trial)
    architecture, footprint = fields.pop("architecture"), fields.pop("footprint")
    return {**fields, **footprint, **{f"architecture.{key}": entry for key, entry in flattened(architecture)}}
