"""A small CT series on disk with two nodules, and a result of Nodulus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.candidates.files import around_the_nodules, ball
from tests.app.exports.conftest import Exported
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS


@dataclass(frozen=True)
class Series:
    """A CT series.

    Args:
        folder: with its files.
        files: from the lowest up.
        geometry: of its volume.
        uid: of the series.
        frame_of_reference_uid: of its images.
        masks: of its two nodules, shape (I, R, C).
    """

    folder: Path
    files: tuple[Path, ...]
    geometry: Geometry
    uid: str
    frame_of_reference_uid: str
    masks: tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def series(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("series") / "ct"
    part = around_the_nodules(volume)
    files = write_series(
        folder,
        part.hu,
        spacing_mm=(1.5, 1.5),
        step_mm=2.0,
        first_lps_mm=part.geometry.affine_lps[:3, 3],
    )
    by_height = sorted(files, key=lambda f: float(dcmread(f).ImagePositionPatient[2]))
    first = dcmread(by_height[0])
    big, small = NODULES_LPS["big"], NODULES_LPS["small"]
    masks = (ball(part.geometry, big, 9.0), ball(part.geometry, small, 4.0))
    return Series(
        folder,
        tuple(by_height),
        part.geometry,
        str(first.SeriesInstanceUID),
        str(first.FrameOfReferenceUID),
        masks,
    )


@pytest.fixture
def axial(tmp_path: Path) -> Exported:
    """A study with its results."""
    return Exported(tmp_path / "own", "axial")
