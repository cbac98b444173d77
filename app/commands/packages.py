"""Packages of an extra that a command needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from nodulus.app.errors import ErrorCode, NodulusError


def require_packages(packages: Sequence[str], extra: str) -> None:
    """Make sure that the packages of an extra are installed.

    Args:
        packages: by import name.
        extra: that installs them.

    Raises:
        NodulusError: ``package-missing``.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            f"This command needs {', '.join(missing)}.",
            remedy=f"Install it with: pip install 'nodulus[{extra}]', or in a checkout"
            f" pip install -c constraints.txt '.[{extra}]'",
        )
