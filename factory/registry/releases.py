"""Releases: the signed models, found by digest."""

import re

from sqlalchemy import or_, select

from factory.errors import BadInput
from factory.registry.rows import ReleaseRow
from factory.registry.store import Store, bump, insert_new
from factory.registry.tables import releases

MIN_PREFIX = 6  # hexadecimal digits that may stand for a whole digest
_PREFIX = re.compile(rf"[0-9a-f]{{{MIN_PREFIX},64}}")
_NEWEST_FIRST = (releases.c.created.desc(), releases.c.release)


class Releases(Store):
    """The part of the registry that publishing writes."""

    def add_release(self, row: ReleaseRow) -> None:
        """Keep a release; put its blobs first. One that is there already stays as it is."""
        with self._write() as db:
            if insert_new(db, releases, {**vars(row), "evidence": dict(row.evidence)}):
                bump(db)

    def release(self, ref: str) -> ReleaseRow:
        """The release with this digest, or with a model of this digest; `MIN_PREFIX` or more first digits are enough.

        Raises:
            BadInput: no release, or more than one, answers to `ref`.
        """
        if not _PREFIX.fullmatch(ref):
            raise BadInput("release", f"{ref!r} is no digest", f"Give {MIN_PREFIX} to 64 of the digits 0-9 and a-f")
        found = self._starting_with(ref)
        found = [row for row in found if row.release == ref] or found
        if not found:
            raise BadInput(
                "release", f"{ref} is unknown", "Give the digest of a release or model that this factory has published"
            )
        if len(found) > 1:
            names = ", ".join(f"{row.release[:12]} ({row.name})" for row in found[:5])
            raise BadInput("release", f"{ref} may be any of {names}", "Give the digest of one of these releases")
        return found[0]

    def releases(self) -> list[ReleaseRow]:
        """Every release, newest first."""
        with self._read() as db:
            return [ReleaseRow(**row._asdict()) for row in db.execute(select(releases).order_by(*_NEWEST_FIRST))]

    def _starting_with(self, prefix: str) -> list[ReleaseRow]:
        matching = or_(releases.c.release.startswith(prefix), releases.c.model.startswith(prefix))
        with self._read() as db:
            return [
                ReleaseRow(**row._asdict())
                for row in db.execute(select(releases).where(matching).order_by(*_NEWEST_FIRST))
            ]
