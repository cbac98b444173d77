"""When the images and the results of a study were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; nothing has been removed yet."""
    for name in ("images_removed", "results_removed"):
        op.add_column("studies", sa.Column(name, sa.String(40), nullable=True))
