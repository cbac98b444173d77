"""The shipped weights on real masses; no choice was made on the first scan."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import analyse, load_models, load_settings
from nodulus.app.reading import load_volume

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

MASSES = {
    "LUNG1-002": ((-74.7, 14.2, -18.7), 88.0),
    "QIN-LSC-0064": ((52.34, -85.77, 277.41), 38.82),
}


@pytest.mark.parametrize("name", MASSES)
def test_a_mass_is_one_finding_of_half_its_diameter_and_ranks_high(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    packed = shared_data / "real" / "scans" / f"{name}.nii.xz"
    if not packed.is_file():
        pytest.skip(f"needs {packed}")
    path = tmp_path / f"{name}.nii"
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    center, diameter_mm = MASSES[name]
    found = analyse(load_volume(path), load_models(), load_settings()).findings
    own = [
        f for f in found if np.linalg.norm(np.subtract(f.center_lps_mm, center)) < diameter_mm / 2
    ]
    assert len(own) == 1
    assert own[0].equivalent_diameter_mm >= diameter_mm / 2
    assert own[0].id <= 3
    assert own[0].kind in {"mass", "mass or consolidation"}
    assert own[0].suspicious
