"""The service's worklist."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "workitems",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("study_uid", sa.Text, nullable=True, index=True),
        sa.Column("transaction_uid", sa.String(64), nullable=True),
        sa.Column("is_for_us", sa.Boolean, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("performer", sa.String(20), nullable=True),
        sa.Column("study", sa.String(64), nullable=True, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
    )
