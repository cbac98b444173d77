"""Research formats that do not say where they lie, and files that are no CT."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.app.reading import find_studies, load_volume
from tests.app.reading.dicom_factory import body_hu

HU = body_hu()


def image() -> sitk.Image:
    made = sitk.GetImageFromArray(HU)
    made.SetSpacing((0.5, 0.75, 3.0))
    return made


def without(path: Path, *keys: bytes) -> None:
    """Take lines out of a header that the data follow."""
    head, found, data = path.read_bytes().partition(b"\n\n")
    if not found:
        head, data = path.read_bytes(), b""
    kept = [line for line in head.split(b"\n") if not line.lower().startswith(keys)]
    path.write_bytes(b"\n".join(kept) + found + data)


def codes(path: Path) -> set[str]:
    return {warning.code for warning in load_volume(path).warnings}


def test_nrrd_with_and_without_its_space(tmp_path: Path) -> None:
    path = tmp_path / "ct.nrrd"
    sitk.WriteImage(image(), str(path))
    assert codes(path) == set()
    without(path, b"space")
    head, _, data = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head + b"\nspacings: 0.5 0.75 3\n\n" + data)
    assert codes(path) == {"no-orientation"}


def test_mhd_with_and_without_its_matrix(tmp_path: Path) -> None:
    path = tmp_path / "ct.mhd"
    sitk.WriteImage(image(), str(path))
    assert codes(path) == set()
    without(path, b"transformmatrix")
    assert codes(path) == {"no-orientation"}
    (warning,) = load_volume(path).warnings
    assert "left and right cannot be relied on" in warning.message


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("highest", [1, 7])
def test_masks_of_any_type_beside_the_ct(dtype: type, highest: int, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(HU.transpose(2, 1, 0), np.eye(4)), tmp_path / "ct.nii.gz")
    mask = (HU.transpose(2, 1, 0) > 0) * highest
    nibabel.save(nibabel.Nifti1Image(mask.astype(dtype), np.eye(4)), tmp_path / "mask.nii.gz")
    found = find_studies(tmp_path)
    assert [study.key for study in found.studies] == ["ct"]
    assert found.ignored == 1


def test_a_probability_map_beside_the_ct(tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "ct.mhd"))
    shares = np.clip(HU.astype(np.float32) / 100, 0, 1)
    sitk.WriteImage(sitk.GetImageFromArray(shares), str(tmp_path / "probability.nrrd"))
    assert [study.key for study in find_studies(tmp_path).studies] == ["ct"]


def test_a_ct_with_an_offset_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(HU.transpose(2, 1, 0) + 1100, np.eye(4)), tmp_path / "ct.nii")
    (study,) = find_studies(tmp_path).studies
    with pytest.raises(Exception, match="no Hounsfield units"):
        study.load()
