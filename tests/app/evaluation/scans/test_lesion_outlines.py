"""Outlines of lesions in a scan's masks, beside those of findings."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.scans.lesion_outlines import find_mask, outline_lesions, read_mask
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry

AFFINE = np.array([[0, 0, 0.5, -10], [0, 0.5, 0, -20], [2.0, 0, 0, 30], [0, 0, 0, 1]])
GEOMETRY = Geometry((6, 10, 12), AFFINE)


def write_mask(path: Path, mask: np.ndarray, affine_lps: np.ndarray = AFFINE) -> Path:
    affine_ras = LPS_TO_RAS @ affine_lps[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Image(mask.transpose(2, 1, 0).astype(np.uint8), affine_ras), path)
    return path


def lesions() -> np.ndarray:
    mask = np.zeros(GEOMETRY.shape_irc, np.uint8)
    mask[1:4, 2:6, 2:6] = 1
    mask[4:6, 8:10, 8:10] = 7
    return mask


def test_a_mask_is_read_as_it_lies_in_the_scan(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "scan.nii", lesions())
    np.testing.assert_array_equal(read_mask(path, GEOMETRY), lesions())
    assert find_mask(tmp_path, "scan") == path
    assert find_mask(tmp_path, "other") is None
    assert find_mask(None, "scan") is None


@pytest.mark.parametrize(
    ("mask", "affine", "words"),
    [
        (lesions()[1:], AFFINE, "has shape"),
        (lesions(), AFFINE + np.array([[0, 0, 0, 3.0], [0] * 4, [0] * 4, [0] * 4]), "elsewhere"),
    ],
)
def test_a_mask_of_another_grid_is_refused(
    tmp_path: Path, mask: np.ndarray, affine: np.ndarray, words: str
) -> None:
    path = write_mask(tmp_path / "scan.nii.gz", mask, affine)
    with pytest.raises(NodulusError, match=words):
        read_mask(path, GEOMETRY)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    path.write_text("no image")
    with pytest.raises(NodulusError, match="cannot be read"):
        read_mask(path, GEOMETRY)


def test_outlines_are_those_of_the_finding_that_covers_most() -> None:
    labels = np.zeros(GEOMETRY.shape_irc, np.uint8)
    labels[1:4, 2:6, 2:5] = 2  # three of four columns of lesion 1
    labels[1:4, 2:6, 5] = 1
    one, other = outline_lesions(labels, lesions(), GEOMETRY)
    assert (one.label, one.finding_id) == (1, 2)
    assert one.dice == pytest.approx(2 * 36 / (36 + 48))
    assert one.relative_volume_error == pytest.approx(-0.25)
    assert one.true_volume_mm3 == pytest.approx(48 * 0.5)
    assert (other.label, other.finding_id, other.dice) == (7, None, 0.0)
    assert other.relative_volume_error == -1.0
    assert other.mean_surface_distance_mm is None


def test_voxels_that_nobody_labelled_are_no_lesion() -> None:
    mask = lesions()
    mask[0] = 255
    assert [o.label for o in outline_lesions(np.zeros_like(mask), mask, GEOMETRY)] == [1, 7]
