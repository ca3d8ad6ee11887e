"""What every part of the registry stands on: transactions, the revision counter, and rows that are written once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from factory.errors import BadInput, Unavailable
from factory.registry import tables
from factory.registry.blobs import BlobStore
from factory.registry.engine import WRITING


@contextmanager
def answering() -> Iterator[None]:
    """Turn a database that cannot be reached, or stays locked, into `Unavailable`."""
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the registry's database did not answer: {error.orig}") from error


class Store:
    """A database and the blobs beside it. Each part of the registry adds its methods to this."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITING: True})
        self.blobs = blobs

    def revision(self) -> int:
        """A number that grows with every write that a page could show. One read of one row: cheap enough to poll."""
        with self._read() as db:
            value: int = db.execute(select(tables.revision.c.value)).scalar_one()
        return value

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with answering(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block ends, and leaves nothing where it raises."""
        with answering(), self._writer.begin() as db:
            yield db


def bump(db: Connection) -> None:
    """Grow the revision.

    The last write of every transaction: on PostgreSQL its row stays locked until the commit, so writers become visible
    in the order of their revisions, and no two of them can wait for each other here.
    """
    db.execute(update(tables.revision).values(value=tables.revision.c.value + 1))


def insert_new(db: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless one with its key is there already; whether it was new."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    # Whether there was an insertion is asked of RETURNING: SQLAlchemy vouches for the row count of updates only.
    new = insert(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return db.execute(new).first() is not None


def storable(where: str, text: str) -> str:
    """`text`, if both databases can hold it.

    Raises:
        BadInput: it holds a NUL character, which PostgreSQL cannot store.
    """
    if "\0" in text:
        raise BadInput(where, "it holds a NUL character", "Send text without it")
    return text
