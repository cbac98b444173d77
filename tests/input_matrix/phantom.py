"""The plain series of the tests: a synthetic chest that is read in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import make_volume
from tests.input_matrix.source import Source

SPACING_IRC_MM = (3.0, 2.0, 1.75)
"""Not square, so that rows and columns cannot be taken for each other."""


def write_phantom(folder: Path) -> Source:
    """Write the synthetic chest, with -1024 HU outside of a round field of view."""
    volume = make_volume(SPACING_IRC_MM)
    hu = volume.hu.clip(-1024)
    rows, columns = hu.shape[1:]
    r, c = np.ogrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    hu[:, r**2 + c**2 > 1.2] = -1024
    write_series(
        folder,
        hu,
        spacing_mm=SPACING_IRC_MM[1:],
        step_mm=SPACING_IRC_MM[0],
        first_lps_mm=volume.geometry.affine_lps[:3, 3],
        shuffle=None,
    )
    return Source.from_folder(folder)
