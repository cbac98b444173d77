"""Triggers by which the database itself refuses to change or delete rows."""

from __future__ import annotations

from alembic import op


def make_append_only(table: str) -> None:
    """Have the database refuse UPDATE and DELETE on a table; SQLite and PostgreSQL.

    Args:
        table: its name.
    """
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
        )
    for change in ("UPDATE", "DELETE"):
        trigger = f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
        if is_postgresql:
            op.execute(f"{trigger} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        else:
            op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'append-only'); END")
