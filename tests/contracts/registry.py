"""What every registry promises, whatever database is under it: its tables, studies, releases, and the revision.

A database takes part by a test file that inherits these classes and those of the other `registry_*` files, and offers a
fixture `place`; see tests/factory/registry.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, Table, inspect, select, text

from factory.artifacts import Footprint, Trial
from factory.errors import BadInput, FactoryError
from factory.registry import Registry, migrations, tables
from factory.registry.engine import make_engine
from factory.registry.rows import DesiredRow, EventRow
from protocol.messages import Label, Metrics
from tests.support.registry import CLASSES, add_release, make_release


@dataclass(frozen=True)
class Place:
    """Where a registry is; another process can open it from this."""

    home: Path
    url: str | None = None

    def open(self) -> Registry:
        return Registry.open(self.home, self.url)

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """A transaction behind the registry's back."""
        engine = make_engine(self.home, self.url)
        try:
            with engine.begin() as db:
                yield db
        finally:
            engine.dispose()


def make_trial(number: int, accuracy: float = 0.5) -> Trial:
    return Trial(
        number=number,
        architecture={"kind": "cnn", "widths": [8, 16]},
        precision="int8",
        validation_accuracy=accuracy,
        validation_macro_f1=0.25,
        footprint=Footprint(macs=1000, parameters=100, peak_activation_bytes=64, file_bytes=2048),
        epochs=3,
        seconds=1.5,
        fits=True,
        strategy="evolution",
        effort=0.25,
    )


def make_metrics(release: str, seq: int = 1, right: int = 2, wrong: int = 1) -> Metrics:
    """`right` and `wrong` labelled windows of the second class and one unlabelled, told in one message."""
    windows = right + wrong + 1
    return Metrics(
        outbox="box",
        seq=seq,
        slot="active",
        release=release,
        t0=float(seq),
        t1=seq + 1.0,
        n=windows,
        n_labelled=right + wrong,
        predicted=(wrong, right + 1, 0),
        confusion=((0, 0, 0), (wrong, right, 0), (0, 0, 0)),
        latency_us={"40": windows},
        busy_s=0.1,
        wall_s=1.0,
    )


def make_desired(rev: int, release: str = "a" * 64) -> DesiredRow:
    return DesiredRow(
        rev=rev,
        document=b"signed %d" % rev,
        document_sha256="d" * 64,
        slots={"active": release},
        expires=100.0,
        requested=5.0,
        by="ada",
    )


def make_event(key: str, text: str = "") -> EventRow:
    return EventRow(id=0, key=key, ts=4.0, state="staged", text=text, slot="active", release="a" * 64, rev=3)


def make_label(label_id: str) -> Label:
    return Label(
        label_id=label_id, y=CLASSES[0], source="observer", t=1.0, inference_id="r@0", extra={"mood": {"x": 1}}
    )


class StudiesContract:
    def test_a_study_is_found_again_by_its_key_after_a_restart(self, place: Place) -> None:
        with place.open() as registry:
            first = registry.open_study("key", "gait", {"minutes": 3, "budget": {"max_kb": None}}, now=1.5)
        with place.open() as registry:
            again = registry.open_study("key", "another name", {}, now=9.0)
            assert again == first
            assert (again.name, again.spec, again.created) == ("gait", {"minutes": 3, "budget": {"max_kb": None}}, 1.5)
            assert registry.studies() == [first]

    def test_trials_come_back_whole_and_by_number(self, registry: Registry) -> None:
        registry.open_study("key", "gait", {}, now=1.0)
        for number in (2, 0, 1):
            registry.record_trial("key", make_trial(number))
        assert registry.trials("key") == [make_trial(0), make_trial(1), make_trial(2)]
        assert registry.trials("another") == []

    @pytest.mark.parametrize("ref", ["abc", "abcd", "abcde1"])
    def test_a_study_is_found_by_the_beginning_of_its_key(self, registry: Registry, ref: str) -> None:
        registry.open_study("xyz", "gait", {}, now=1.0)
        registry.open_study("abcde1", "pump", {}, now=1.0)
        assert registry.study(ref).name == "pump"

    @pytest.mark.parametrize(
        ("ref", "why"),
        [
            pytest.param("d", r"'d' is unknown.*factory study list", id="of none"),
            pytest.param("%", r"'%' is unknown", id="no pattern"),
            pytest.param("ab", r"may be any of abc1 \(pump\), abc2 \(gait\).*more digits", id="of two"),
        ],
    )
    def test_no_study_is_found_by_the_beginning(self, registry: Registry, ref: str, why: str) -> None:
        registry.open_study("abc2", "gait", {}, now=1.0)
        registry.open_study("abc1", "pump", {}, now=1.0)
        with pytest.raises(BadInput, match=why):
            registry.study(ref)

    def test_a_trial_that_is_recorded_twice_stays_as_it_was(self, registry: Registry) -> None:
        registry.open_study("key", "gait", {}, now=1.0)
        registry.record_trial("key", make_trial(0, accuracy=0.5))
        registry.record_trial("key", make_trial(0, accuracy=0.9))
        assert registry.trials("key") == [make_trial(0, accuracy=0.5)]

    def test_a_trial_of_an_unknown_study_is_refused(self, registry: Registry) -> None:
        with pytest.raises(BadInput, match="'nowhere' is unknown"):
            registry.record_trial("nowhere", make_trial(0))


class ReleasesContract:
    def test_releases_come_back_whole_newest_first(self, registry: Registry) -> None:
        old, new = add_release(registry, b"old", created=1.0), add_release(registry, b"new", created=2.0)
        registry.add_release(replace(old, name="another name"))
        assert registry.releases() == [new, old]

    @pytest.mark.parametrize(
        "ref",
        [
            pytest.param(lambda row: row.release, id="its own digest"),
            pytest.param(lambda row: row.model, id="the digest of its model"),
            pytest.param(lambda row: row.release[:6], id="six digits of its own digest"),
            pytest.param(lambda row: row.model[:20], id="twenty digits of its model's digest"),
        ],
    )
    def test_a_release_is_found_by(self, registry: Registry, ref: Callable[[object], str]) -> None:
        row = add_release(registry, b"this one")
        add_release(registry, b"not this one")
        assert registry.release(ref(row)) == row

    @pytest.mark.parametrize(
        ("ref", "why"),
        [
            pytest.param("abc12", "is no digest", id="five digits"),
            pytest.param("%%%%%%", "is no digest", id="wildcards"),
            pytest.param("0" * 65, "is no digest", id="more digits than a digest has"),
            pytest.param("0" * 64, "is unknown", id="a digest nobody has"),
        ],
    )
    def test_a_reference_is_refused_that_is(self, registry: Registry, ref: str, why: str) -> None:
        add_release(registry)
        with pytest.raises(BadInput, match=why):
            registry.release(ref)

    def test_a_model_that_was_released_twice_is_ambiguous_until_a_release_is_named(self, registry: Registry) -> None:
        row = add_release(registry)
        again = replace(row, release="f" * 64)
        registry.add_release(again)
        with pytest.raises(BadInput, match=f"may be any of .*{row.release[:12]}"):
            registry.release(row.model)
        assert registry.release("f" * 64) == again


class RevisionContract:
    """The page is told of changes by a number that grows; a write that changes nothing must not wake it."""

    FRESH: tuple[Callable[[Registry], object], ...] = (
        lambda r: r.enrol("pi-1", "kitchen", 1.0),
        lambda r: r.set_status("pi-1", True, "e1", 2.0),
        lambda r: r.set_birth("pi-1", {"agent": "1"}, 2.0),
        lambda r: r.set_reported("pi-1", {"rev_applied": 1}, 2.0),
        lambda r: r.set_desired("pi-1", make_desired(1)),
        lambda r: r.submit("push", {}, "ada", 3.0),
        lambda r: r.claim("worker", 4.0, 10.0),
        lambda r: r.add_user("ada", "correct horse battery", "admin", 5.0),
    )
    REPEATABLE: tuple[Callable[[Registry], object], ...] = (
        lambda r: r.add_release(make_release(r)),
        lambda r: r.open_study("key", "gait", {}, 1.0),
        lambda r: r.record_trial("key", make_trial(0)),
        lambda r: r.add_event("pi-1", make_event("1")),
        lambda r: r.add_metrics("pi-1", make_metrics(r.releases()[0].release), 2.0),
        lambda r: r.queue_labels("pi-1", [make_label("l1")], 2.0),
        lambda r: r.confirm_labels("pi-1", ["l1"]),
        lambda r: r.finish(r.jobs()[0].id, {}, 7.0),
    )

    def test_every_write_that_a_page_could_show_raises_it_once(self, registry: Registry) -> None:
        for expected, write in enumerate(self.FRESH + self.REPEATABLE, start=1):
            write(registry)
            assert registry.revision() == expected

    def test_a_write_that_is_known_already_leaves_it(self, registry: Registry) -> None:
        for write in self.FRESH + self.REPEATABLE:
            write(registry)
        before = registry.revision()
        for write in self.REPEATABLE:
            write(registry)
        registry.fail(registry.jobs()[0].id, "too late", 8.0)
        registry.set_status("pi-1", False, "an old session", 9.0)
        assert registry.claim("worker", 10.0, 1.0) is None
        assert registry.revision() == before


class SchemaContract:
    def test_migrations_and_tables_agree(self, place: Place) -> None:
        place.open().close()
        with place.database() as db:
            context = MigrationContext.configure(db, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []

    def test_a_migration_that_fails_leaves_nothing_of_itself(self, place: Place) -> None:
        place.home.mkdir()
        with place.database() as db:
            db.execute(text("CREATE TABLE users (someone_elses INTEGER)"))
        with pytest.raises(FactoryError, match="users"):
            place.open()
        with place.database() as db:
            assert inspect(db).get_table_names() == ["users"]

    def test_trials_of_the_first_shape_are_kept_as_whole_ones_that_nobody_in_particular_proposed(
        self, place: Place
    ) -> None:
        place.home.mkdir()
        with place.database() as db:
            config = Config(attributes={"connection": db})
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            command.upgrade(config, "0001")
            db.execute(text("INSERT INTO studies (key, name, spec, created) VALUES ('key', 'gait', '{}', 1.0)"))
            old = {name: value for name, value in asdict(make_trial(3)).items() if name not in {"strategy", "effort"}}
            columns = [column for column in tables.trials.c if column.name in {*old, "study"}]
            db.execute(
                Table("trials", MetaData(), *(Column(c.name, c.type) for c in columns)).insert(),
                {**old, "study": "key"},
            )
        with place.open() as registry:
            assert registry.trials("key") == [replace(make_trial(3), strategy="", effort=1.0)]
            registry.record_trial("key", make_trial(4))
            assert registry.trials("key")[1] == make_trial(4)

    def test_a_database_of_a_newer_version_is_refused_and_left_alone(self, place: Place) -> None:
        with place.open() as registry:
            registry.enrol("pi-1", "kitchen", 1.0)
        with place.database() as db:
            db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(BadInput, match=r"does not belong to this version .*9999"):
            place.open()
        with place.database() as db:
            assert db.execute(select(tables.devices.c.name)).scalars().all() == ["pi-1"]
