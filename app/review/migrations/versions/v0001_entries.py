"""Analyses and the log of entries, neither of which is ever changed or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nodulus.app.review.migrations.append_only import make_append_only

revision = "0001"
down_revision = None

TABLES = ("analyses", "entries")


def upgrade() -> None:
    """Make the tables, and have the database itself refuse to change a row."""
    op.create_table(
        "analyses",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("study", sa.Text, nullable=False, index=True),
        sa.Column("series_uid", sa.Text, nullable=False),
        sa.Column("received", sa.String(40), nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("analysis", sa.String(64), sa.ForeignKey("analyses.sha256"), nullable=False),
        sa.Column("reading", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("finding", sa.Text, nullable=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("measured", sa.Text, nullable=True),
        sa.Column("software", sa.Text, nullable=False),
        sa.Column("weights", sa.Text, nullable=False),
        sa.UniqueConstraint("analysis", "reading", "number"),
    )
    for table in TABLES:
        make_append_only(table)
