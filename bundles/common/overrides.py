"""Keys of a bundle's config from a command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts; a value that is no JSON is the text itself."""
    keys: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            keys[name] = json.loads(value)
        except json.JSONDecodeError:
            keys[name] = value
    return keys
