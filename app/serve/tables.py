"""The service's tables, as the newest migration of `nodulus.app.review.migrations` leaves them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

studies = sa.Table(
    "studies",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("study_uid", sa.Text),
    sa.Column("source", sa.String(20)),
    sa.Column("origin", sa.Text),
    sa.Column("state", sa.String(20)),
    sa.Column("received", sa.String(40)),
    sa.Column("changed", sa.String(40)),
    sa.Column("images", sa.Integer),
    sa.Column("more", sa.Boolean),
    sa.Column("attempts", sa.Integer),
    sa.Column("due", sa.Float),
    sa.Column("owner", sa.String(40)),
    sa.Column("lease_until", sa.Float),
    sa.Column("code", sa.String(40)),
    sa.Column("message", sa.Text),
    sa.Column("remedy", sa.Text),
    sa.Column("wall_s", sa.Float),
    sa.Column("images_removed", sa.String(40)),
    sa.Column("results_removed", sa.String(40)),
)
"""The queue. ``more``: images came while it was analysed. Times are seconds since 1970, or ISO 8601
where they are texts."""

study_results = sa.Table(
    "study_results",
    metadata,
    sa.Column("study", sa.String(64), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("folder", sa.Text),
    sa.Column("findings", sa.Integer),
)
"""Results by the study's key, with their folder's name; most studies have one."""

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study", sa.String(64)),
    sa.Column("destination", sa.Text),
    sa.Column("path", sa.Text),
    sa.Column("sop_instance_uid", sa.String(64)),
    sa.Column("state", sa.String(20)),
    sa.Column("attempts", sa.Integer),
    sa.Column("due", sa.Float),
    sa.Column("problem", sa.Text),
)
"""Objects that are sent on, once to each destination."""

source_positions = sa.Table(
    "source_positions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text),
)
"""How far a source has been read: Orthanc's last change, a watched folder's entries."""

workitems = sa.Table(
    "workitems",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(64)),
    sa.Column("state", sa.String(20)),
    sa.Column("dataset", sa.Text),
    sa.Column("study_uid", sa.Text),
    sa.Column("transaction_uid", sa.String(64)),
    sa.Column("is_for_us", sa.Boolean),
    sa.Column("priority", sa.Integer),
    sa.Column("performer", sa.String(20)),
    sa.Column("study", sa.String(64)),
    sa.Column("attempts", sa.Integer),
    sa.Column("due", sa.Float),
    sa.Column("created", sa.Float),
    sa.Column("changed", sa.Float),
)
"""The worklist. ``dataset`` is DICOM JSON, empty where the workitem was deleted. ``performer`` is
that of one that the service has claimed itself, ``study`` that of the queue that it waits for, and
``due`` when it is to be looked at."""

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(20)),
    sa.Column("password", sa.Text),
    sa.Column("disabled", sa.Boolean),
    sa.Column("created", sa.String(40)),
)
"""Who may sign in; ``password`` is an argon2id hash."""

account_identities = sa.Table(
    "account_identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("account", sa.String(64)),
)
"""Whose account it is at an OpenID Connect provider."""

account_sessions = sa.Table(
    "account_sessions",
    metadata,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(64)),
    sa.Column("kind", sa.String(10)),
    sa.Column("csrf", sa.String(64)),
    sa.Column("created", sa.Float),
    sa.Column("expires", sa.Float),
)
"""Sessions of browsers (``browser``) and tokens of programs (``program``)."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(40)),
    sa.Column("epoch", sa.Float),
    sa.Column("who", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("event", sa.String(40)),
    sa.Column("study", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("success", sa.Boolean),
)
"""Who saw or changed what; append-only, which the database itself enforces."""
