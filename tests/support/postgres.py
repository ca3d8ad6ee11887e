"""A private PostgreSQL server for tests: its own cluster in a temporary folder, behind a Unix socket, gone at the end.

PostgreSQL refuses to run as root, so as root it runs as `postgres`, the user Debian's package makes, or as `nobody`.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.require import require

_INSTALLED = Path("/usr/lib/postgresql")  # where Debian keeps the server's programs, by version
_SUPERUSER = "cygnet"
_START_TIMEOUT_S = 60
# A test's data need not survive a power cut.
_SETTINGS = ("-c fsync=off", "-c full_page_writes=off", "-c synchronous_commit=off", "-c listen_addresses=''")


class PostgresServer:
    """A running server that makes empty databases."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """The URL of an empty place: a schema of its own, which costs a hundredth of a database of its own."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(host=str(self._socket), user=_SUPERUSER, dbname="postgres", autocommit=True) as server:
            server.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://{_SUPERUSER}@/postgres?host={self._socket}&options=-csearch_path%3D{name}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that runs while the block does; skips the test, or fails it (see `require`), where none is installed."""
    programs = _programs()
    require("postgresql", programs is not None, f"no server's programs are under {_INSTALLED}")
    assert programs is not None
    # The path of a Unix socket may have 107 characters, which pytest's own temporary folders use up.
    home = Path(tempfile.mkdtemp(prefix="cygnet-pg-"))
    try:
        owner = _owner()
        os.chown(home, owner.pw_uid, owner.pw_gid)
        data = home / "data"
        _run(
            owner,
            programs / "initdb",
            "-D",
            data,
            "-U",
            _SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "-N",
        )
        options = " ".join((f"-k {home}", *_SETTINGS))
        _run(
            owner,
            programs / "pg_ctl",
            "-D",
            data,
            "-w",
            "-t",
            _START_TIMEOUT_S,
            "-l",
            home / "log",
            "-o",
            options,
            "start",
        )
        try:
            yield PostgresServer(home)
        finally:
            _run(owner, programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


def _programs() -> Path | None:
    """The folder of the newest installed server."""
    found = [folder / "bin" for folder in _INSTALLED.glob("*") if (folder / "bin" / "initdb").exists()]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


def _owner() -> pwd.struct_passwd:
    """The user to run the server as."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _run(owner: pwd.struct_passwd, *command: object) -> None:
    """Run a program as `owner`; its output is shown where it fails."""
    root = os.geteuid() == 0
    with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server that pg_ctl leaves behind
        done = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            check=False,
            cwd="/",
            user=owner.pw_uid if root else None,
            group=owner.pw_gid if root else None,
            extra_groups=[] if root else None,
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode(errors="replace")
