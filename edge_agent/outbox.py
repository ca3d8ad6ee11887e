"""What must survive: messages the factory has not confirmed, and the checkpoint that makes every window count exactly
once.

Rules
1. Counts, the predictions that wait for a label, and the place in the sensor's stream are written in one transaction.
   After a SIGKILL at any instant the stream is read again from that place, and nothing is counted twice or lost.
2. A message keeps its number and its bytes from its first writing until the factory's receipt; `id` tells this
   store's numbers from those of a store that was lost. A message that may have been sent is therefore never changed.
3. Beyond `max_rows` metrics that were never sent are merged, oldest first (counts add up), and the oldest job events
   are dropped.
4. Every commit reaches the disk (synchronous FULL): a commit that a power cut takes back would hand a number out
   twice, and the factory would drop the second message as known.
"""

import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.structs import replace

from edge_agent.accuracy import Checkpoint, Owner, Prediction, merge
from edge_agent.errors import BadConfig
from edge_agent.windowing import Position
from protocol import codec
from protocol.messages import JobEvent, Label, Metrics, Slot

log = logging.getLogger(__name__)

Kind = Literal["m", "job"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS store (id TEXT NOT NULL, format INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload BLOB NOT NULL, sent INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS positions (slot TEXT PRIMARY KEY, recording TEXT NOT NULL, sample INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS owners (
    slot TEXT NOT NULL, release TEXT NOT NULL, classes TEXT NOT NULL, PRIMARY KEY (slot, release));
CREATE TABLE IF NOT EXISTS waiting (
    slot TEXT NOT NULL, release TEXT NOT NULL, inference_id TEXT NOT NULL, t0 REAL NOT NULL, t1 REAL NOT NULL,
    answer INTEGER NOT NULL, PRIMARY KEY (slot, release, inference_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    arrived INTEGER PRIMARY KEY AUTOINCREMENT, label_id TEXT UNIQUE NOT NULL, payload BLOB NOT NULL);
"""


class Row(NamedTuple):
    """A message that waits for its receipt."""

    seq: int
    kind: Kind
    payload: bytes


@dataclass(frozen=True)
class Scored:
    """What was saved about one release in one slot."""

    owner: Owner
    waiting: tuple[Prediction, ...]


def _opened(path: Path) -> sqlite3.Connection:
    """The database with its tables; closed again where the file is none."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


class Outbox:
    """The agent's database."""

    def __init__(self, path: Path, max_rows: int) -> None:
        self._max_rows = max_rows
        try:
            self._db = _opened(path)
            with self._transaction():
                if not self._db.execute("SELECT 1 FROM store").fetchone():
                    self._db.execute("INSERT INTO store VALUES (?, 1)", (secrets.token_hex(8),))
            self.id: str = self._db.execute("SELECT id FROM store").fetchone()[0]
        except sqlite3.DatabaseError as error:
            cure = "Move it away: what the factory has not confirmed yet is lost with it"
            raise BadConfig(str(path), f"is not usable: {error}", cure) from error

    def close(self) -> None:
        """Leave the database."""
        self._db.close()

    def checkpoint(self, taken: Iterable[Checkpoint], positions: Mapping[Slot, Position], sending: bool) -> None:
        """Save what was counted and where the stream stands (rule 1). `sending`: new rows go out at once."""
        with self._transaction():
            for one in taken:
                self._save(one, sending)
            for slot, position in positions.items():
                row = (slot, position.recording, position.index)
                self._db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", row)
            self._keep_size()

    def add_event(self, build: Callable[[str, int], JobEvent], sending: bool) -> None:
        """Save a job event; `build` makes it from this outbox's id and the number it gets."""
        with self._transaction():
            self._insert("job", lambda seq: codec.encode(build(self.id, seq)), sending)
            self._keep_size()

    def add_labels(self, labels: Sequence[Label], forgotten: Iterable[str]) -> None:
        """Save labels that have arrived, and delete those that no longer matter."""
        with self._transaction():
            rows = [(label.label_id, codec.encode(label)) for label in labels]
            self._db.executemany("INSERT OR IGNORE INTO labels (label_id, payload) VALUES (?, ?)", rows)
            self._db.executemany("DELETE FROM labels WHERE label_id = ?", [(label_id,) for label_id in forgotten])

    def confirmed(self, outbox: str, seqs: Iterable[int]) -> None:
        """Forget messages the factory has stored."""
        if outbox == self.id:
            with self._transaction():
                self._db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """The first `limit` messages with a number above `seq`, from now on unchangeable (rule 2)."""
        query = "SELECT seq, kind, payload, sent FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?"
        found = self._db.execute(query, (seq, limit)).fetchall()
        unsent = [(row[0],) for row in found if not row[3]]
        if unsent:
            with self._transaction():
                self._db.executemany("UPDATE outbox SET sent = 1 WHERE seq = ?", unsent)
        return [Row(*row[:3]) for row in found]

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def positions(self) -> dict[Slot, Position]:
        """Where each slot's stream is to be read on."""
        return {row[0]: Position(*row[1:]) for row in self._db.execute("SELECT slot, recording, sample FROM positions")}

    def labels(self) -> list[Label]:
        """Every label that is kept, in the order they came."""
        rows = self._db.execute("SELECT payload FROM labels ORDER BY arrived")
        return [codec.decode(row[0], Label) for row in rows]

    def scored(self) -> list[Scored]:
        """The releases that have predicted, with the predictions that wait for a label."""
        query = "SELECT inference_id, t0, t1, answer FROM waiting WHERE slot = ? AND release = ? ORDER BY t0"
        owners = self._db.execute("SELECT slot, release, classes FROM owners ORDER BY rowid").fetchall()
        return [
            Scored(
                Owner(slot, release, tuple(json.loads(classes))),
                tuple(Prediction(*row) for row in self._db.execute(query, (slot, release))),
            )
            for slot, release, classes in owners
        ]

    def forget(self, owner: Owner) -> None:
        """Give up on the predictions of a release that is long gone."""
        with self._transaction():
            for table in ("waiting", "owners"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE slot = ? AND release = ?",  # noqa: S608  (two names from the line above)
                    (owner.slot, owner.release),
                )

    def _save(self, one: Checkpoint, sending: bool) -> None:
        owner = one.owner
        key = (owner.slot, owner.release)
        self._db.execute("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", (*key, json.dumps(owner.classes)))
        self._db.executemany("INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?)", [(*key, *row) for row in one.waiting])
        gone = [(*key, inference_id) for inference_id in one.settled]
        self._db.executemany("DELETE FROM waiting WHERE slot = ? AND release = ? AND inference_id = ?", gone)
        metrics = one.metrics
        if metrics is not None:
            self._insert("m", lambda seq: codec.encode(replace(metrics, outbox=self.id, seq=seq)), sending)

    def _insert(self, kind: Kind, payload: Callable[[int], bytes], sending: bool) -> None:
        insert = "INSERT INTO outbox (kind, payload, sent) VALUES (?, x'', ?)"
        seq = self._db.execute(insert, (kind, int(sending))).lastrowid
        assert seq is not None
        self._db.execute("UPDATE outbox SET payload = ? WHERE seq = ?", (payload(seq), seq))

    def _keep_size(self) -> None:
        """Rule 3."""
        count = "SELECT count(*) FROM outbox WHERE kind = ?"
        metrics, events = (self._db.execute(count, (kind,)).fetchone()[0] for kind in ("m", "job"))
        if events > self._max_rows:
            oldest = "SELECT seq FROM outbox WHERE kind = 'job' ORDER BY seq LIMIT ?"
            self._db.execute(f"DELETE FROM outbox WHERE seq IN ({oldest})", (events - self._max_rows,))  # noqa: S608
            log.warning("outbox full: dropped the %d oldest job events", events - self._max_rows)
        if metrics > self._max_rows:
            merged = self._merge_oldest()
            log.warning("outbox full: %d metrics messages became %d", metrics, metrics - merged)

    def _merge_oldest(self) -> int:
        """Merge neighbours in the older half of the metrics that were never sent; how many messages that saves."""
        query = "SELECT seq, payload FROM outbox WHERE kind = 'm' AND sent = 0 ORDER BY seq LIMIT ?"
        saved, last = 0, dict[tuple[str, str], Metrics]()
        for seq, payload in self._db.execute(query, (self._max_rows // 2,)).fetchall():
            metrics = codec.decode(payload, Metrics)
            key = (metrics.slot, metrics.release)
            first = last.pop(key, None)
            if first is None:
                last[key] = metrics
                continue
            self._db.execute(
                "UPDATE outbox SET payload = ? WHERE seq = ?", (codec.encode(merge(first, metrics)), first.seq)
            )
            self._db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
            saved += 1
        return saved

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """All or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
