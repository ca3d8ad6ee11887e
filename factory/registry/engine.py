"""The connection to the database: SQLite in a file of the registry's home, or PostgreSQL by URL."""

import json
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from factory.errors import BadInput

BUSY_TIMEOUT_MS = 30_000  # how long a writer waits for another one on SQLite
CONNECT_TIMEOUT_S = 5  # of PostgreSQL
FILE_NAME = "registry.db"
WRITING = "writing"  # execution option of connections that will write


def make_engine(home: Path, url: str | None) -> Engine:
    """An engine for the database at `url`, or for the SQLite file in `home` where `url` is None.

    Raises:
        BadInput: the URL is none, or names another kind of database.
    """
    if url is None:
        return _sqlite(home / FILE_NAME)
    cure = "Use postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or give no URL for SQLite"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The URL may hold a password, so it is not repeated.
        raise BadInput("registry url", "this is not a database URL", cure) from error
    if parsed.get_backend_name() != "postgresql":
        raise BadInput("registry url", f"{parsed.get_backend_name()} is not supported", cure)
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,  # a server that was restarted is met by a new connection, not by an error
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        json_serializer=_to_json,
    )


def _sqlite(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}", json_serializer=_to_json)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """Settings of every SQLite connection."""
    connection.isolation_level = None  # the driver would begin transactions late and by itself; `_begin_sqlite` does
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",  # readers never wait for a writer
        # With WAL, NORMAL may lose the last commits at a power cut. A device forgets a message once it holds its
        # receipt, and refuses a revision it has seen: what was committed must stay so, and a commit waits for the disk.
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the write lock at once: one that has read first could no longer get it after another's commit."""
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _to_json(value: object) -> str:
    """JSON without NaN, which PostgreSQL would refuse."""
    return json.dumps(value, allow_nan=False)
