"""Trials say who proposed them and how much of a whole trial's training they got."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Trials from before were all proposed by the one search there was, and trained as a whole."""
    op.add_column("trials", sa.Column("strategy", sa.Text(), nullable=False, server_default=""))
    op.add_column("trials", sa.Column("effort", sa.Double(), nullable=False, server_default=sa.text("1.0")))
