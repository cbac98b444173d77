"""Which marks of a source lie in a scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.candidates.problems import invalid
from nodulus.app.marks import Mark, Marks
from nodulus.app.volume import CtVolume, VolumeWarning

_MOST_MARKS = 2000
"""In one scan: some 1,500 candidates is the most that LUNA16 has in one."""


def placed_marks(
    marks: Sequence[Mark],
    volume: CtVolume,
    name: str,
    path: Path,
    *,
    warnings: Sequence[VolumeWarning] = (),
    algorithm: str | None = None,
) -> Marks:
    """Keep the marks whose centre lies in the scan; warn of others, and where there is none.

    Args:
        marks: of the source in this scan.
        volume: the scan.
        name: of the source.
        path: of its file.
        warnings: that are known already.
        algorithm: what made the marks.

    Raises:
        NodulusError: ``candidates-invalid``: all of several marks are outside, or there are too
            many.
    """
    told = list(warnings)
    if len(marks) > _MOST_MARKS:
        raise invalid(
            path,
            f"It has {len(marks):,} marks in this scan, and at most {_MOST_MARKS:,} can be looked"
            " at.",
            "Leave out the least probable ones, or specks of a mask.",
        )
    if not marks:
        told.append(
            VolumeWarning("candidates-none", f"The candidates {name!r} mark nothing in this scan.")
        )
        return Marks((), tuple(told), algorithm)
    centers = np.array([mark.center_lps_mm for mark in marks])
    inside = volume.geometry.contains(volume.geometry.lps_to_index(centers))
    if not inside.any():
        x, y, z = (f"{v:.1f}" for v in centers[0])
        raise invalid(
            path,
            f"None of its {len(marks):,} marks lies in the scan; the first is at LPS"
            f" ({x}, {y}, {z}) mm, and the scan reaches {_reach(volume)}.",
            _likely_cause(centers, volume),
        )
    if not inside.all():
        count = int((~inside).sum())
        told.append(
            VolumeWarning(
                "candidates-outside",
                f"{count:,} of {len(marks):,} marks of the candidates {name!r} lie outside of the"
                " scan and were left out: check that they are of this scan.",
            )
        )
    kept = tuple(mark for mark, is_in in zip(marks, inside, strict=True) if is_in)
    return Marks(kept, tuple(told), algorithm)


def _reach(volume: CtVolume) -> str:
    """From where to where a scan reaches, LPS mm."""
    geometry = volume.geometry
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape_irc])).reshape(3, -1).T
    ends = geometry.index_to_lps(corners)
    low, high = (", ".join(f"{v:.0f}" for v in end) for end in (ends.min(0), ends.max(0)))
    return f"from ({low}) to ({high}) mm"


def _likely_cause(centers: NDArray[np.float64], volume: CtVolume) -> str:
    """What to do, by the space in which the marks would lie in the scan."""
    geometry = volume.geometry

    def share_inside(points_lps_mm: NDArray[np.float64]) -> float:
        return float(geometry.contains(geometry.lps_to_index(points_lps_mm)).mean())

    if share_inside(centers * (-1, -1, 1)) > 0.5:
        return (
            "With x and y negated they would: write them in LPS (as DICOM and LUNA16), not in RAS."
        )
    if share_inside(geometry.index_to_lps(centers[:, ::-1])) > 0.5:
        return "Taken as voxel indices they would: write patient coordinates in mm (LPS)."
    return "Give the candidates of this scan, in patient coordinates (LPS, mm)."
