"""``nodulus`` and ``python -m app``: the command line."""

from __future__ import annotations

from app.commands.root import cli


def main() -> None:
    """Entry point of the ``nodulus`` command."""
    cli()


if __name__ == "__main__":
    main()
