"""The registry: every part of it in one value."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import DatabaseError

from factory.errors import BadInput
from factory.registry.blobs import BlobStore
from factory.registry.devices import Devices
from factory.registry.engine import FILE_NAME, make_engine
from factory.registry.jobs import Jobs
from factory.registry.labels import Labels
from factory.registry.migrate import migrate
from factory.registry.releases import Releases
from factory.registry.store import answering
from factory.registry.studies import Studies
from factory.registry.telemetry import Telemetry
from factory.registry.users import Users


class Registry(Studies, Releases, Devices, Jobs, Telemetry, Labels, Users):
    """Everything the factory remembers. Safe for threads; any number of processes may open the same one.

    Every method may raise `Unavailable` where the database does not answer in time.
    """

    @classmethod
    def open(cls, home: Path, url: str | None = None) -> Self:
        """The registry in the folder `home`, made where there is none, on SQLite or on the PostgreSQL at `url`.

        Raises:
            BadInput: the URL is wrong, the file is no registry, or newer code wrote it.
            Unavailable: the database does not answer.
        """
        engine = make_engine(home, url)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # it will hold what people sign in with
        with ExitStack() as undo:
            undo.callback(engine.dispose)
            try:
                with answering():
                    migrate(engine, home)
            except DatabaseError as error:
                what = home / FILE_NAME if url is None else "the database at this URL"
                cure = "Move it away, or give another home or URL"
                raise BadInput("registry", f"{what} is no registry ({error.orig})", cure) from error
            blobs = BlobStore(home / "blobs")
            undo.pop_all()
        return cls(engine, blobs)

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
