"""What a file's candidates are in a scan, and how one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.candidates.open_candidates import open_candidates
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Marks
from nodulus.app.volume import CtVolume


def marks_of(path: Path, volume: CtVolume, **more: str) -> Marks:
    return open_candidates(path, **more).marks(volume, lambda done, total: None)


def refused(path: Path, volume: CtVolume, **more: str) -> str:
    with pytest.raises(NodulusError) as caught:
        marks_of(path, volume, **more)
    assert caught.value.code.value == "candidates-invalid"
    assert str(path) in str(caught.value)
    return str(caught.value)


def voxels(found: Marks, scan: CtVolume) -> np.ndarray:
    """All marked voxels on the scan's grid."""
    drawn = np.zeros(scan.geometry.shape_irc, bool)
    for mark in found.marks:
        assert mark.voxels is not None
        index = np.argwhere(mark.voxels.mask) + [part.start for part in mark.voxels.box]
        on_scan = scan.geometry.lps_to_index(mark.voxels.grid.index_to_lps(index))
        drawn[tuple(np.rint(on_scan).astype(int).T)] = True
    return drawn
