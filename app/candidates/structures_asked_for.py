"""Which structures of a file a user asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.structures import Structure, choose_structures


def structures_asked_for(
    structures: Sequence[Structure], label: str | None, path: Path, *, named_only: bool = False
) -> list[Structure]:
    """The structure that is asked for, else those that are nodules, else all of them.

    Args:
        structures: all of a file.
        label: number or name of one; None for the nodules, and where no code or name says so, all.
        path: of the file, for the error.
        named_only: where none is called a nodule, none is one.

    Raises:
        MaskError: nothing is asked for by that name, the file has no structure, or none that may
            be one.
    """
    if label is not None and label.isdecimal():
        own = [s for s in structures if s.number == int(label)]
        if own:
            return own
    try:
        return choose_structures(structures, () if label is None else (label,), path)
    except MaskError:
        if label is not None or named_only or not structures:
            raise
        return list(structures)
