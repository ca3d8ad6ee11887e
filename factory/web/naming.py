"""How releases are named on the page: by the name they were built under, and by their digest."""

from collections.abc import Sequence
from dataclasses import dataclass

from factory.registry.rows import ReleaseRow


@dataclass(frozen=True)
class Label:
    """How a release is named on the page. `name` is None for a release this factory does not know."""

    release: str
    name: str | None
    precision: str | None


class Names:
    """Every known release by the digest of its document or of its model."""

    def __init__(self, releases: Sequence[ReleaseRow]) -> None:
        self._rows = {row.model: row for row in reversed(releases)} | {row.release: row for row in releases}

    def row(self, digest: str | None) -> ReleaseRow | None:
        """The release a digest names; None where this factory knows none."""
        return None if digest is None else self._rows.get(digest)

    def label(self, digest: str | None) -> Label | None:
        """How the page names a digest; None for None."""
        row = self.row(digest)
        if row is not None:
            return Label(row.release, row.name, row.precision)
        return None if digest is None else Label(digest, None, None)
