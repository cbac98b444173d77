"""Nodules in real scans: known findings stay, and labels lie where the nodules do."""

import shutil

import numpy as np
import pytest
import SimpleITK

from nodulus.app.data.phantom.background import mark_ignored, read_background
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one
from nodulus.app.errors import NodulusError
from nodulus.app.reading import load_volume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL


def test_nodules_are_inserted_and_known_findings_left_alone(small_plan, mhd_copy, tmp_path):
    whole = read_background(mhd_copy)
    middle = np.argwhere(whole.lungs)[whole.lungs.sum() // 3]
    sphere = (tuple(float(v) for v in whole.geometry.index_to_lps(middle)), 30.0)
    plan = DatasetPlan(tmp_path, 5, small_plan.recipe, background=mhd_copy, avoid=(sphere,))
    study = make_one(plan, 0)
    assert study.nodules
    assert study.geometry.almost_equal(whole.geometry)
    for nodule in study.nodules:
        assert np.linalg.norm(np.subtract(nodule.center_lps_mm, sphere[0])) > sphere[1]
        assert (
            study.hu[study.labels == nodule.label].mean()
            > whole.hu[study.labels == nodule.label].mean()
        )
    ignored = study.geometry.index_to_lps(np.argwhere(study.labels == IGNORE_LABEL))
    assert len(ignored) > 0
    assert np.linalg.norm(ignored - sphere[0], axis=1).max() <= sphere[1]
    far = (study.labels == 0) & ~whole.lungs
    assert np.mean(study.hu[far] == whole.hu[far]) > 0.98


def test_studies_on_one_background_are_one_patient(small_plan, mhd_copy, tmp_path):
    plan = DatasetPlan(tmp_path, 5, small_plan.recipe, background=mhd_copy)
    a, b = make_one(plan, 0).identity, make_one(plan, 1).identity
    assert a.patient_id == b.patient_id
    assert a.series_uid != b.series_uid


def test_nothing_there(tmp_path):
    with pytest.raises(NodulusError, match="missing"):
        read_background(tmp_path / "missing")
    with pytest.raises(NodulusError, match="input-empty"):
        read_background(tmp_path)


def test_marks_do_not_cover_labels():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 4, 4] = 1
    mark_ignored(labels, Geometry((9, 9, 9), np.eye(4)), (((4.0, 4.0, 4.0), 2.0),))
    assert labels[4, 4, 4] == 1
    assert (labels == IGNORE_LABEL).sum() == 32  # the 33 points of a ball of radius 2, less one


def test_a_sphere_between_two_slices_is_not_lost():
    geometry = Geometry.from_dicom((4, 8, 8), (1, 0, 0, 0, 1, 0), (0, 0, 0), (0, 0, 5.0), (1, 1))
    labels = np.zeros((4, 8, 8), np.uint8)
    labels[3, 2, 2] = 7
    mark_ignored(labels, geometry, (((4.0, 4.0, 7.6), 1.5), ((2.0, 2.0, 15.0), 1.0)))
    assert np.argwhere(labels == 255).tolist() == [
        [2, 4, 4],
        [3, 1, 2],
        [3, 2, 1],
        [3, 2, 3],
        [3, 3, 2],
    ]
    assert labels[3, 2, 2] == 7


@pytest.mark.parametrize("axes", ["RAS", "SPL", "LIP"])
def test_a_background_stands_the_same_however_its_axes_are_stored(mhd_copy, tmp_path, axes):
    image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(mhd_copy)), axes)
    stored = tmp_path / "background.nii"
    SimpleITK.WriteImage(image, str(stored))
    whole, turned = read_background(mhd_copy), read_background(stored)
    assert turned.geometry.almost_equal(whole.geometry, tolerance_mm=1e-2)
    np.testing.assert_array_equal(turned.hu, whole.hu)


def test_dicom_is_read_and_checked_as_the_application_does(small_plan, tmp_path):
    dicom_study = next(path for path in (small_plan.root / "dicom").iterdir() if path.is_dir())
    whole = read_background(dicom_study)
    volume = load_volume(dicom_study)
    assert whole.geometry.almost_equal(volume.geometry)
    np.testing.assert_array_equal(whole.hu, volume.hu)
    gap = shutil.copytree(dicom_study, tmp_path / "gap")
    for image in volume.source_images[8:13]:
        (gap / image.path.relative_to(dicom_study)).unlink()
    with pytest.raises(NodulusError, match="slices"):
        read_background(gap)
