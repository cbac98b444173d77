"""The tables of the review's database, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

analyses = sa.Table(
    "analyses",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("study", sa.Text, nullable=False, index=True),
    sa.Column("series_uid", sa.Text, nullable=False),
    sa.Column("received", sa.String(40), nullable=False),
    sa.Column("result", sa.Text, nullable=False),
)
"""What was reviewed: findings.json by its checksum, kept whole."""

entries = sa.Table(
    "entries",
    metadata,
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
"""The log: append-only, which the database itself enforces."""
