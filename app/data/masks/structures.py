"""What a mask file outlines, and which of it are nodules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem

_NODULE_WORDS = re.compile(
    r"nodul|mass\b|lesion|tumou?r|neoplas|metasta|gtv|carcinoma", re.IGNORECASE
)
_LUNG_WITHOUT = re.compile(r"lungs?[\s_-]*(minus|without|w/o)?[\s_-]*[gic]tv", re.IGNORECASE)
"""Radiotherapy's name for what is left of the lung: ``Lungs-GTV``."""


@dataclass(frozen=True)
class Structure:
    """One segment of a SEG or one ROI of an RTSTRUCT.

    Args:
        number: SegmentNumber or ROINumber.
        name: SegmentLabel or ROIName.
        kind: the meaning of the coded property type, or RTROIInterpretedType; empty if none.
        is_nodule: whether its code or type says that it is a nodule, mass, lesion or tumour;
            None where that says nothing, and the name decides.
    """

    number: int
    name: str
    kind: str
    is_nodule: bool | None

    @property
    def looks_like_nodule(self) -> bool:
        """What its code or type says, else its name."""
        if self.is_nodule is not None:
            return self.is_nodule
        return bool(_NODULE_WORDS.search(self.name)) and not _LUNG_WITHOUT.search(self.name)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.kind})" if self.kind else repr(self.name)


@dataclass(frozen=True, eq=False)
class StructurePlane:
    """The pixels of one structure on one image.

    Args:
        image: index of the image.
        pixels_rc: shape (n, 2), rows and columns.
    """

    image: int
    pixels_rc: NDArray[np.int_]


@dataclass(frozen=True, eq=False)
class StructureMask:
    """The pixels of one structure on the images of a series.

    Args:
        structure: what it is.
        low_irc: image, row and column of the mask's first voxel.
        mask: bool, a part of the stack of images; at least one voxel.
        lost_planes: how many of its planes lie where the series has no image.
    """

    structure: Structure
    low_irc: tuple[int, int, int]
    mask: NDArray[np.bool_]
    lost_planes: int = 0

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The part of the stack that the mask is of."""
        i, r, c = (
            slice(low, low + size) for low, size in zip(self.low_irc, self.mask.shape, strict=True)
        )
        return i, r, c


def assemble(
    structure: Structure, planes: Sequence[StructurePlane], lost: int
) -> StructureMask | None:
    """Put planes together; None where they hold no pixel."""
    voxels = [
        np.column_stack([np.full(len(plane.pixels_rc), plane.image), plane.pixels_rc])
        for plane in planes
        if len(plane.pixels_rc)
    ]
    if not voxels:
        return None
    index = np.concatenate(voxels)
    low = index.min(axis=0)
    mask = np.zeros(index.max(axis=0) - low + 1, dtype=bool)
    mask[tuple((index - low).T)] = True
    i, r, c = (int(v) for v in low)
    return StructureMask(structure, (i, r, c), mask, lost)


def choose_structures(
    structures: Sequence[Structure], patterns: Iterable[str], path: Path
) -> list[Structure]:
    """The structures that are nodules.

    Args:
        structures: all of a file.
        patterns: shell patterns of names (``Nodule*``), of which one has to fit, whatever the
            case; without any, a structure is a nodule when its code or its name says so.
        path: of the file, for the error.

    Raises:
        MaskError: none fits; names all there are.
    """
    wanted = [pattern.lower() for pattern in patterns]
    if wanted:
        chosen = [s for s in structures if any(fnmatch(s.name.lower(), p) for p in wanted)]
    else:
        chosen = [s for s in structures if s.looks_like_nodule]
    if not chosen:
        there = ", ".join(map(str, structures)) or "nothing"
        asked = f"is named {' or '.join(patterns)}" if wanted else "is called a nodule or lesion"
        raise MaskError(
            MaskProblem.NOTHING_CHOSEN, path, f"nothing in it {asked}; it outlines {there}"
        )
    return chosen
