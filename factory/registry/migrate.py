"""Brings a database to the shape of `tables.py`.

Rules
1. All missing migrations run in one transaction: a kill leaves the old shape or the new one, nothing between.
2. Of two processes that open the registry at once one migrates and the other waits, and then finds nothing to do. On
   SQLite a file lock sees to it (turning the write-ahead log on cannot be waited for in SQLite itself), on PostgreSQL
   an advisory lock, because there the other process may be on another host.
3. A database that newer code has migrated is refused, never written.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, text

from factory.errors import BadInput
from factory.registry.engine import WRITING

LOCK_NAME = "registry.lock"
_ADVISORY_LOCK = 0x6379676E6574  # any number that nobody else on the server uses


def migrate(engine: Engine, home: Path) -> None:
    """Run every migration this database lacks (rules 1 and 2).

    Raises:
        BadInput: newer code has migrated this database (rule 3).
    """
    with _locked(home / LOCK_NAME), engine.execution_options(**{WRITING: True}).begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        config = Config(attributes={"connection": db})
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            cure = "Start the factory version that wrote it, or give another home"
            raise BadInput("registry", f"its database does not belong to this version ({error})", cure) from error


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that the system releases by itself when this process ends."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
