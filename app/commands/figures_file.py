"""The figures of a command as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodulus.app.errors import not_writable


def write_figures(path: Path | None, figures: Mapping[str, Any], indent: int = 2) -> None:
    """Write what ``--json`` asks for.

    Args:
        path: None where the option was not given.
        figures: what the command has measured.
        indent: of the file.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    from nodulus.bundles.common.atomic_files import write_text

    if path is None:
        return
    try:
        write_text(path, json.dumps(figures, indent=indent) + "\n")
    except OSError as error:
        raise not_writable(path, error) from error
