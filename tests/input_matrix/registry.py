"""The variants by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.input_matrix.source import Source

Write = Callable[[Source, Path], None]
VARIANTS: dict[str, Write] = {}


def variant(name: str) -> Callable[[Write], Write]:
    """Register a function that writes a variant of a source into a folder that exists."""

    def register(write: Write) -> Write:
        if name in VARIANTS:
            raise ValueError(f"there are two variants {name}")
        VARIANTS[name] = write
        return write

    return register
