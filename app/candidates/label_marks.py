"""The marks of a label image: connected pieces of each label."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.candidates.problems import invalid
from nodulus.app.marks import Mark, MarkedVoxels
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import group_candidates, merge_candidates
from nodulus.transforms.geometry import Geometry

JOINED_MM = 1.0
"""Pieces of one label that are closer than this are one mark, as those of the chain's own."""
_LARGEST_ML = 600.0
"""A ball of 105 mm: no nodule or mass that the chain knows is larger, and every organ is."""


@dataclass(frozen=True)
class LabelNames:
    """What the labels of an image are called.

    Args:
        by_value: the names that are known.
    """

    by_value: dict[int, str] = field(default_factory=dict)

    def of(self, value: int) -> str:
        """Its name, or its value."""
        return repr(self.by_value[value]) if value in self.by_value else str(value)


def label_marks(
    values: NDArray[Any],
    grid: Geometry,
    volume: CtVolume,
    path: Path,
    *,
    wanted: Collection[int] | None = None,
    names: LabelNames | None = None,
) -> list[Mark]:
    """Give a mark for each connected piece (26 neighbours) of each label.

    Args:
        values: shape of ``grid``; 0 is background.
        grid: where the image lies, in any orientation and spacing.
        volume: the scan.
        path: of the file, for errors.
        wanted: the labels that are nodules; None for all.
        names: of the labels, for errors.

    Raises:
        NodulusError: ``candidates-invalid``: it holds no labels, does not overlap the scan, or a
            piece is as large as an organ.
    """
    names = LabelNames() if names is None else names
    check_overlap(grid, volume, path)
    _check_labels(values, path)
    marks = []
    there = [int(v) for v in np.unique(values) if v != 0]
    for value in there if wanted is None else [v for v in there if v in wanted]:
        for box, mask in _pieces(values == value, grid):
            ml = float(mask.sum()) * grid.voxel_volume_mm3 / 1000
            if ml > _LARGEST_ML:
                labels = ", ".join(names.of(v) for v in there)
                raise invalid(
                    path,
                    f"Label {names.of(value)} has a piece of {ml:,.0f} ml: an organ, not a nodule"
                    f" (the file has the labels {labels}).",
                    "Say which label is a nodule, by its number or name: --candidates FILE#LABEL.",
                )
            index = np.argwhere(mask).mean(axis=0) + [s.start for s in box]
            x, y, z = (float(v) for v in grid.index_to_lps(index))
            marks.append(Mark((x, y, z), None, MarkedVoxels(grid, box, mask)))
    return marks


def _pieces(mask: NDArray[np.bool_], grid: Geometry) -> list[tuple[Box, NDArray[np.bool_]]]:
    share = mask.astype(np.float32)
    pieces = group_candidates(share, grid.affine_lps, threshold=0.5)
    joined = merge_candidates(pieces, share, grid.affine_lps, gap_mm=JOINED_MM)
    return [(one.box, one.mask) for one in joined]


def check_overlap(grid: Geometry, volume: CtVolume, path: Path) -> None:
    """Check that a grid and a scan have a place in common.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in grid.shape_irc])).reshape(3, -1).T
    at = volume.geometry.lps_to_index(grid.index_to_lps(corners))
    shape = np.asarray(volume.geometry.shape_irc)
    if np.all(at.min(axis=0) < shape - 0.5) and np.all(at.max(axis=0) > -0.5):
        return
    raise invalid(
        path,
        "Its voxels lie beside the scan: the two do not overlap in patient coordinates.",
        "Give the candidates of this scan, with the position and orientation that the scan has.",
    )


def _check_labels(values: NDArray[Any], path: Path) -> None:
    if values.dtype.kind in "iub":
        least = values.min(initial=0)
        if least >= 0:
            return
        what = f"{int(least)}"
    else:
        odd = ~np.isfinite(values) | (values < 0) | (values != np.rint(values))
        if not odd.any():
            return
        what = f"{float(values[odd][0]):g}"
    raise invalid(
        path,
        f"It holds the value {what}, and labels are whole numbers from 0 on.",
        "Give a label image; a map of probabilities has to be cut at a threshold first.",
    )
