"""A source and a task file become one `Loaded`: the order in which things are read and checked."""

from collections.abc import Callable
from pathlib import Path

from factory.data.settling import settle
from factory.data.sifting import sift
from factory.data.source import Loaded, Source, nearest
from factory.data.sources import npz, package, table
from factory.data.taskfile import Columns, TaskFile, read_task_file
from factory.errors import BadInput

PACKAGE = "package:"
_READERS: dict[str, Callable[[Path, Columns], Source]] = {
    ".npz": npz.read,
    ".csv": table.read_csv,
    ".parquet": table.read_parquet,
}


def load(source: str, task_file: Path | None = None) -> Loaded:
    """Recordings and their task.

    Args:
        source: path of an .npz, .csv or .parquet file, or `package:NAME` for a set that a pip package ships.
        task_file: TOML that adds to what the source says of itself, or overrides it.

    Raises:
        BadInput: anything about the source or the task file is wrong; nothing has been written.
    """
    task = read_task_file(task_file) if task_file is not None else TaskFile()
    settled = settle(_read(source, task.columns), task)
    return settled if task.classes is not None else sift(settled)


def _read(source: str, columns: Columns) -> Source:
    if source.startswith(PACKAGE):
        return package.read(source.removeprefix(PACKAGE), columns)
    path = Path(source)
    if not path.is_file():
        raise BadInput(
            "data", f"there is no file {source!r}", "Give the path of an .npz, .csv or .parquet file, or package:NAME"
        )
    if path.stat().st_size == 0:
        raise BadInput(path.name, "the file is empty", "Record or export the data again")
    if path.suffix.lower() not in _READERS:
        problem = f"{path.suffix or 'no suffix'} is not a format the factory reads"
        raise BadInput(path.name, problem, nearest(path.suffix, _READERS))
    return _READERS[path.suffix.lower()](path, columns)
