"""The lungs and the search region on real scans: volumes, sides, and every known lesion inside."""

from __future__ import annotations

import lzma
from pathlib import Path

import nibabel
import numpy as np
import pytest

from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.lungs import find_lungs

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

# Aerated ml of the right and the left lung (looked at in contact sheets), and how many times the
# aerated lungs the search region may be: 1.2 to 1.43 where nothing is hidden.
SCANS = {
    "CMB-CRC-MSB-01068": (2388, 1906, 1.45),
    "LIDC-IDRI-0001": (1938, 1714, 1.45),
    "LIDC-IDRI-0002": (2753, 2431, 1.40),
    "LIDC-IDRI-0132-a": (2300, 2636, 1.35),
    "LIDC-IDRI-0132-b": (2367, 2765, 1.38),
    "LUNG1-002": (1621, 1844, 1.63),
    "QIN-LSC-0003": (3981, 3150, 1.35),
    "QIN-LSC-0009": (4041, 3673, 1.33),
    "QIN-LSC-0014": (2199, 2153, 1.38),
    "QIN-LSC-0028": (3323, 2497, 1.37),
    "QIN-LSC-0049": (2692, 2199, 1.38),
    "QIN-LSC-0064": (2257, 2280, 1.40),
}
MASS_LPS_MM, MASS_MM = (-74.7, 14.2, -18.7), 88.0
"""Of LUNG1-002, which has no mask."""


@pytest.fixture
def real_scans(shared_data: Path) -> Path:
    folder = shared_data / "real"
    if not (folder / "scans").is_dir():
        pytest.skip(f"needs the real scans in {folder}")
    return folder


def load(path: Path) -> tuple[np.ndarray, Geometry]:
    image = nibabel.Nifti1Image.from_bytes(lzma.decompress(path.read_bytes()))
    array = np.asarray(image.dataobj)
    return array, Geometry(array.shape, LPS_TO_RAS @ image.affine)


@pytest.mark.parametrize("name", SCANS)
def test_volumes_hold_and_every_lesion_is_searched(real_scans: Path, name: str) -> None:
    hu, geometry = load(real_scans / "scans" / f"{name}.nii.xz")
    region = find_lungs(hu, geometry)
    assert region is not None
    right, left, most = SCANS[name]
    assert region.right_ml == pytest.approx(right, rel=0.02)
    assert region.left_ml == pytest.approx(left, rel=0.02)
    search_ml = region.search_region.sum() * region.geometry.voxel_volume_mm3 / 1000
    assert search_ml < most * region.volume_ml
    path = real_scans / "masks" / f"{name}.nii.xz"
    if path.is_file():
        labels, grid = load(path)
        assert region.at(grid.index_to_lps(np.argwhere(labels > 0))).all()


def test_the_mass_of_88_mm_at_the_pleura_is_searched(real_scans: Path) -> None:
    region = find_lungs(*load(real_scans / "scans" / "LUNG1-002.nii.xz"))
    assert region is not None
    steps = np.arange(-MASS_MM / 2, MASS_MM / 2 + 1, 4.0)
    ball = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    ball = ball[np.linalg.norm(ball, axis=1) <= MASS_MM / 2]
    assert region.at(ball + MASS_LPS_MM).mean() > 0.99
