"""The service's queue, what it sends on, its accounts and its audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nodulus.app.review.migrations.append_only import make_append_only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; the audit log is append-only."""
    op.create_table(
        "studies",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("study_uid", sa.Text, nullable=True, index=True),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("origin", sa.Text, nullable=True),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("received", sa.String(40), nullable=False),
        sa.Column("changed", sa.String(40), nullable=False),
        sa.Column("images", sa.Integer, nullable=False),
        sa.Column("more", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("owner", sa.String(40), nullable=True),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("message", sa.Text, nullable=True),
        sa.Column("remedy", sa.Text, nullable=True),
        sa.Column("wall_s", sa.Float, nullable=True),
    )
    op.create_table(
        "study_results",
        sa.Column("study", sa.String(64), sa.ForeignKey("studies.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("folder", sa.Text, nullable=False, index=True),
        sa.Column("findings", sa.Integer, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study", sa.String(64), sa.ForeignKey("studies.id"), nullable=False, index=True),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("problem", sa.Text, nullable=True),
        sa.UniqueConstraint("destination", "sop_instance_uid"),
    )
    op.create_table(
        "source_positions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_table(
        "account_sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("epoch", sa.Float, nullable=False, index=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("study", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("success", sa.Boolean, nullable=False),
    )
    make_append_only("audit")
