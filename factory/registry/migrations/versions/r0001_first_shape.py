"""The first shape of the registry."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SHA256 = sa.String(length=64)
_JSON = sa.JSON(none_as_null=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _factory()
    _devices()
    _counts()
    _people()


def _factory() -> None:
    """What building models leaves behind."""
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
    )
    op.execute("INSERT INTO revision (id, value) VALUES (1, 0)")
    op.create_table(
        "studies",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", _JSON, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_studies"),
    )
    op.create_table(
        "trials",
        sa.Column("study", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("architecture", _JSON, nullable=False),
        sa.Column("precision", sa.String(length=8), nullable=False),
        sa.Column("validation_accuracy", sa.Double(), nullable=False),
        sa.Column("validation_macro_f1", sa.Double(), nullable=False),
        sa.Column("footprint", _JSON, nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("fits", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.key"], name="fk_trials_study_studies"),
        sa.PrimaryKeyConstraint("study", "number", name="pk_trials"),
    )
    op.create_table(
        "releases",
        sa.Column("release", _SHA256, nullable=False),
        sa.Column("release_length", sa.BigInteger(), nullable=False),
        sa.Column("manifest", _SHA256, nullable=False),
        sa.Column("manifest_length", sa.BigInteger(), nullable=False),
        sa.Column("model", _SHA256, nullable=False),
        sa.Column("model_length", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("precision", sa.String(length=8), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("card", _SHA256),
        sa.Column("study", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("release", name="pk_releases"),
    )
    op.create_index("ix_releases_created", "releases", ["created"])
    op.create_index("ix_releases_model", "releases", ["model"])
    op.create_table(
        "jobs",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.Double()),
        sa.Column("error", sa.Text()),
        sa.Column("result", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])


def _devices() -> None:
    """Devices, and what passes between them and the factory."""
    op.create_table(
        "devices",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("group", sa.String(length=40), nullable=False),
        sa.Column("enrolled", sa.Double(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("last_seen", sa.Double()),
        sa.Column("birth", _JSON),
        sa.Column("reported", _JSON),
        sa.PrimaryKeyConstraint("name", name="pk_devices"),
    )
    op.create_index("ix_devices_group", "devices", ["group"])
    op.create_table(
        "desired",
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("document_sha256", _SHA256, nullable=False),
        sa.Column("slots", _JSON, nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("requested", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.name"], name="fk_desired_device_devices"),
        sa.PrimaryKeyConstraint("device", name="pk_desired"),
    )
    op.create_table(
        "events",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("ts", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text()),
        sa.Column("release", _SHA256),
        sa.Column("rev", sa.BigInteger()),
        sa.ForeignKeyConstraint(["device"], ["devices.name"], name="fk_events_device_devices"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("device", "key", name="uq_events_device_key"),
    )
    op.create_table(
        "labels",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("label_id", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("queued", sa.Double(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.name"], name="fk_labels_device_devices"),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sa.UniqueConstraint("device", "label_id", name="uq_labels_device_label_id"),
    )
    op.create_index("ix_labels_device_confirmed_id", "labels", ["device", "confirmed", "id"])


def _counts() -> None:
    """What devices count."""
    op.create_table(
        "metrics",
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("outbox", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.String(length=8), nullable=False),
        sa.Column("release", _SHA256, nullable=False),
        sa.Column("t", sa.Double(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("n_labelled", sa.BigInteger(), nullable=False),
        sa.Column("n_correct", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.name"], name="fk_metrics_device_devices"),
        sa.ForeignKeyConstraint(["release"], ["releases.release"], name="fk_metrics_release_releases"),
        sa.PrimaryKeyConstraint("device", "outbox", "seq", name="pk_metrics"),
    )
    op.create_index("ix_metrics_device_release_t", "metrics", ["device", "release", "t"])
    op.create_table(
        "totals",
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.String(length=8), nullable=False),
        sa.Column("release", _SHA256, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("n_labelled", sa.BigInteger(), nullable=False),
        sa.Column("confusion", _JSON, nullable=False),
        sa.Column("predicted", _JSON, nullable=False),
        sa.Column("latency_us", _JSON, nullable=False),
        sa.Column("busy_us", sa.BigInteger(), nullable=False),
        sa.Column("wall_us", sa.BigInteger(), nullable=False),
        sa.Column("t0", sa.Double(), nullable=False),
        sa.Column("t1", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.name"], name="fk_totals_device_devices"),
        sa.ForeignKeyConstraint(["release"], ["releases.release"], name="fk_totals_release_releases"),
        sa.PrimaryKeyConstraint("device", "slot", "release", name="pk_totals"),
    )


def _people() -> None:
    """Who may sign in."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "login_links",
        sa.Column("token_sha256", _SHA256, nullable=False),
        sa.Column("user", sa.String(length=80), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_login_links_user_users"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_login_links"),
    )
