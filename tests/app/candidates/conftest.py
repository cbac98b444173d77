"""A small scan with both nodules of the synthetic chest, as DICOM images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.reading import load_volume
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import around_the_nodules, ball
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS


@pytest.fixture(scope="module")
def folder(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan") / "ct"
    part = around_the_nodules(volume)
    first = part.geometry.affine_lps[:3, 3]
    write_series(folder, part.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)
    return folder


@pytest.fixture(scope="module")
def scan(folder: Path) -> CtVolume:
    return load_volume(folder)


@pytest.fixture(scope="module")
def masks(scan: CtVolume) -> tuple[np.ndarray, np.ndarray]:
    return (
        ball(scan.geometry, NODULES_LPS["big"], 9.0),
        ball(scan.geometry, NODULES_LPS["small"], 4.0),
    )
