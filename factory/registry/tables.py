"""Every table of the registry. `migrations/` brings a database to this shape; a test holds the two together."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# Names are given so that a later migration can drop a constraint on either database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Sha256 = String(64)
_Json = JSON(none_as_null=True)
_Device = String(40)
# SQLite numbers rows by itself only where the key is called INTEGER; there that means 64 bits anyway.
_RowId = BigInteger().with_variant(Integer, "sqlite")


def _device_key() -> ForeignKey:
    return ForeignKey("devices.name")


revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("value", BigInteger, nullable=False),
)

studies = Table(
    "studies",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", _Json, nullable=False),
    Column("created", Double, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("study", ForeignKey("studies.key"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("architecture", _Json, nullable=False),
    Column("precision", String(8), nullable=False),
    Column("validation_accuracy", Double, nullable=False),
    Column("validation_macro_f1", Double, nullable=False),
    Column("footprint", _Json, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("fits", Boolean, nullable=False),
    Column("strategy", Text, nullable=False, server_default=""),
    Column("effort", Double, nullable=False, server_default=text("1.0")),
)

releases = Table(
    "releases",
    metadata,
    Column("release", _Sha256, primary_key=True),
    Column("release_length", BigInteger, nullable=False),
    Column("manifest", _Sha256, nullable=False),
    Column("manifest_length", BigInteger, nullable=False),
    Column("model", _Sha256, nullable=False, index=True),
    Column("model_length", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("precision", String(8), nullable=False),
    Column("created", Double, nullable=False, index=True),
    Column("evidence", _Json, nullable=False),
    Column("card", _Sha256),
    Column("study", Text, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("name", _Device, primary_key=True),
    Column("group", String(40), nullable=False, index=True),
    Column("enrolled", Double, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("last_seen", Double),
    Column("birth", _Json),
    Column("reported", _Json),
)

desired = Table(
    "desired",
    metadata,
    Column("device", _Device, _device_key(), primary_key=True),
    Column("rev", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("document_sha256", _Sha256, nullable=False),
    Column("slots", _Json, nullable=False),
    Column("expires", Double, nullable=False),
    Column("requested", Double, nullable=False),
    Column("by", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", _Json, nullable=False),
    Column("by", Text, nullable=False),
    Column("state", String(8), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("worker", Text),
    Column("lease_until", Double),
    Column("error", Text),
    Column("result", _Json),
)

events = Table(
    "events",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("device", _Device, _device_key(), nullable=False),
    Column("key", Text, nullable=False),
    Column("ts", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("text", Text, nullable=False),
    Column("slot", Text),
    Column("release", _Sha256),
    Column("rev", BigInteger),
    UniqueConstraint("device", "key"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("device", _Device, _device_key(), primary_key=True),
    Column("outbox", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("slot", String(8), nullable=False),
    Column("release", _Sha256, ForeignKey("releases.release"), nullable=False),
    Column("t", Double, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_labelled", BigInteger, nullable=False),
    Column("n_correct", BigInteger, nullable=False),
    Index(None, "device", "release", "t"),
)

totals = Table(
    "totals",
    metadata,
    Column("device", _Device, _device_key(), primary_key=True),
    Column("slot", String(8), primary_key=True),
    Column("release", _Sha256, ForeignKey("releases.release"), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("n_labelled", BigInteger, nullable=False),
    Column("confusion", _Json, nullable=False),
    Column("predicted", _Json, nullable=False),
    Column("latency_us", _Json, nullable=False),
    # Whole microseconds: sums of integers do not depend on the order in which messages come.
    Column("busy_us", BigInteger, nullable=False),
    Column("wall_us", BigInteger, nullable=False),
    Column("t0", Double, nullable=False),
    Column("t1", Double, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("device", _Device, _device_key(), nullable=False),
    Column("label_id", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),  # as `protocol.codec` encodes it, so that nothing in it is lost
    Column("queued", Double, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    UniqueConstraint("device", "label_id"),
    Index(None, "device", "confirmed", "id"),
)

users = Table(
    "users",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", Text, nullable=False),  # Argon2, with its parameters and salt
    Column("created", Double, nullable=False),
)

login_links = Table(
    "login_links",
    metadata,
    Column("token_sha256", _Sha256, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False),
    Column("expires", Double, nullable=False),
)
