"""Analyses and the log of entries, neither of which is ever changed or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
        )
    for table in TABLES:
        for change in ("UPDATE", "DELETE"):
            op.execute(_trigger(table, change))


def _trigger(table: str, change: str) -> str:
    name = f"{table}_no_{change.lower()}"
    if op.get_bind().dialect.name == "postgresql":
        return (
            f"CREATE TRIGGER {name} BEFORE {change} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    return (
        f"CREATE TRIGGER {name} BEFORE {change} ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'append-only'); END"
    )
