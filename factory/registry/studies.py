"""Studies and their trials: what a killed search goes on from."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select

from factory.artifacts import Footprint, Trial
from factory.errors import BadInput
from factory.registry.rows import StudyRow
from factory.registry.store import Store, bump, insert_new
from factory.registry.tables import studies, trials


class Studies(Store):
    """The part of the registry that the search writes."""

    def open_study(self, key: str, name: str, spec: Mapping[str, object], now: float) -> StudyRow:
        """The study of this key: the one that is there, or else a new one."""
        with self._write() as db:
            if insert_new(db, studies, {"key": key, "name": name, "spec": dict(spec), "created": now}):
                bump(db)
            return _study(db.execute(select(studies).where(studies.c.key == key)).one())

    def record_trial(self, study: str, trial: Trial) -> None:
        """Keep one evaluated trial of the study with this key; a number that is there already stays as it is.

        Raises:
            BadInput: there is no such study.
        """
        row = {
            **vars(trial),
            "study": study,
            "architecture": dict(trial.architecture),
            "footprint": asdict(trial.footprint),
        }
        with self._write() as db:
            if db.execute(select(studies.c.key).where(studies.c.key == study)).first() is None:
                raise BadInput("study", f"{study!r} is unknown", "Open the study before recording its trials")
            if insert_new(db, trials, row):
                bump(db)

    def trials(self, study: str) -> list[Trial]:
        """The trials of a study, by number."""
        with self._read() as db:
            rows = db.execute(select(trials).where(trials.c.study == study).order_by(trials.c.number))
            return [_trial(row) for row in rows]

    def study(self, ref: str) -> StudyRow:
        """The study whose key begins with `ref`.

        Raises:
            BadInput: no study, or more than one, answers to `ref`.
        """
        with self._read() as db:
            matching = select(studies).where(studies.c.key.startswith(ref, autoescape=True)).order_by(studies.c.key)
            found = [_study(row) for row in db.execute(matching)]
        found = [row for row in found if row.key == ref] or found
        if not found:
            raise BadInput("study", f"{ref!r} is unknown", "Give a key of `factory study list`, or its first digits")
        if len(found) > 1:
            names = ", ".join(f"{row.key[:12]} ({row.name})" for row in found[:5])
            raise BadInput("study", f"{ref!r} may be any of {names}", "Give more digits of the key")
        return found[0]

    def studies(self) -> list[StudyRow]:
        """Every study, newest first."""
        with self._read() as db:
            return [
                _study(row) for row in db.execute(select(studies).order_by(studies.c.created.desc(), studies.c.key))
            ]


def _study(row: Row[Any]) -> StudyRow:
    return StudyRow(**row._asdict())


def _trial(row: Row[Any]) -> Trial:
    fields = row._asdict()
    del fields["study"]
    return Trial(**{**fields, "footprint": Footprint(**fields["footprint"])})
