"""Jobs: work that outlives the process that does it.

Rules
1. A worker holds a job only until its lease ends; it renews the lease while it works. A worker that was killed renews
   nothing, so its job becomes free again by itself.
2. No two workers ever hold a job at the same time, in whatever processes they run.
3. A job that has been finished or has failed stays so: of two workers that both ended it, the first counts.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update

from factory.errors import BadInput
from factory.registry.rows import JobRow
from factory.registry.store import Store, bump
from factory.registry.tables import jobs


class Jobs(Store):
    """The part of the registry that requests and workers write."""

    def submit(self, kind: str, payload: Mapping[str, object], by: str, now: float) -> JobRow:
        """Queue a new job in the name of `by`."""
        row = {
            "kind": kind,
            "payload": dict(payload),
            "by": by,
            "state": "queued",
            "attempts": 0,
            "created": now,
            "updated": now,
        }
        with self._write() as db:
            number = db.execute(insert(jobs).values(**row).returning(jobs.c.id)).scalar_one()
            bump(db)
        return self.job(number)

    def claim(self, worker: str, now: float, lease_s: float) -> JobRow | None:
        """The oldest job that is queued or whose lease has ended, now `worker`'s for `lease_s` seconds; or None."""
        free = or_(jobs.c.state == "queued", and_(jobs.c.state == "running", jobs.c.lease_until <= now))
        # Rule 2. SQLite's writers come one after another; on PostgreSQL the row is locked, and others pass over it.
        oldest = select(jobs.c.id).where(free).order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True)
        held = {"state": "running", "worker": worker, "lease_until": now + lease_s, "updated": now}
        with self._write() as db:
            found = db.execute(oldest).scalar_one_or_none()
            if found is None:
                return None
            db.execute(update(jobs).where(jobs.c.id == found).values(**held, attempts=jobs.c.attempts + 1))
            bump(db)
            return _job(db.execute(select(jobs).where(jobs.c.id == found)).one())

    def renew(self, job: int, worker: str, until: float) -> bool:
        """Prolong a lease (rule 1); False where `worker` does not hold the job any more and must stop working on it."""
        held = and_(jobs.c.id == job, jobs.c.worker == worker, jobs.c.state == "running")
        with self._write() as db:
            return db.execute(update(jobs).where(held).values(lease_until=until)).rowcount == 1

    def finish(self, job: int, result: Mapping[str, object], now: float) -> None:
        """The job is done (rule 3).

        Raises:
            BadInput: there is no such job.
        """
        self._end(job, state="done", result=dict(result), updated=now)

    def fail(self, job: int, error: str, now: float) -> None:
        """The job cannot be done, and why (rule 3).

        Raises:
            BadInput: there is no such job.
        """
        self._end(job, state="failed", error=error, updated=now)

    def job(self, job: int) -> JobRow:
        """The job of this number.

        Raises:
            BadInput: there is none.
        """
        with self._read() as db:
            row = db.execute(select(jobs).where(jobs.c.id == job)).one_or_none() if 0 < job < 2**63 else None
        if row is None:
            raise BadInput("job", f"{job} is unknown", "Give the number of a job that was submitted here")
        return _job(row)

    def jobs(self, limit: int = 50) -> list[JobRow]:
        """The last jobs, newest first."""
        with self._read() as db:
            return [_job(row) for row in db.execute(select(jobs).order_by(jobs.c.id.desc()).limit(limit))]

    def _end(self, job: int, **values: object) -> None:
        self.job(job)
        unfinished = and_(jobs.c.id == job, jobs.c.state.in_(("queued", "running")))
        with self._write() as db:
            if db.execute(update(jobs).where(unfinished).values(**values, lease_until=None)).rowcount:
                bump(db)


def _job(row: Row[Any]) -> JobRow:
    fields = row._asdict()
    del fields["worker"]
    return JobRow(**fields)
