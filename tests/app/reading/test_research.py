"""NIfTI, MHD and NRRD, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies, load_volume

from .dicom_factory import body_hu, write_series


def itk_image(hu: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((-100.0, -80.0, -300.0))
    return image


def failure(path: Path) -> ErrorCode:
    with pytest.raises(NodulusError) as caught:
        load_volume(path)
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "kind"),
    [("1.2.3.mhd", "mhd"), ("1.2.3.mha", "mhd"), ("1.2.3.nrrd", "nrrd"), ("1.2.3.nii.gz", "nifti"),
     ("1.2.3.NII", "nifti")],
)  # fmt: skip
def test_every_format(tmp_path: Path, name: str, kind: str) -> None:
    hu = body_hu()
    path = tmp_path / name
    sitk.WriteImage(itk_image(hu), str(path.with_name(name.lower())))
    if path.name != name.lower():
        path.with_name(name.lower()).rename(path)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert volume.hu.dtype == np.int16
    assert volume.source_format == kind
    assert volume.series_uid == "1.2.3"
    assert volume.study_uid is None
    assert np.allclose(volume.geometry.index_to_lps([7, 5, 3]), [-98.5, -76.25, -279.0])
    study = find_studies(path).studies[0]
    assert study.key == "1.2.3"
    assert study.considered[0].chosen


def test_luna16_header_as_it_is_written(tmp_path: Path) -> None:
    hu = body_hu((4, 3, 2))
    (tmp_path / "1.3.6.1.raw").write_bytes(hu.astype("<i2").tobytes())
    (tmp_path / "1.3.6.1.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n"
        "Offset = -198.100006 -195 -335.209991\nCenterOfRotation = 0 0 0\n"
        "AnatomicalOrientation = RAI\nElementSpacing = 0.7617189884 0.7617189884 2.5\n"
        "DimSize = 2 3 4\nElementType = MET_SHORT\nElementDataFile = 1.3.6.1.raw\n"
    )
    found = find_studies(tmp_path)
    assert found.ignored == 1
    volume = found.studies[0].load()
    assert np.array_equal(volume.hu, hu)
    assert np.allclose(
        volume.geometry.index_to_lps([2, 1, 1]),
        [-198.100006 + 0.7617189884, -195 + 0.7617189884, -335.209991 + 5.0],
    )


def test_truncated_raw(tmp_path: Path) -> None:
    sitk.WriteImage(itk_image(body_hu()), str(tmp_path / "a.mhd"))
    raw = tmp_path / "a.raw"
    raw.write_bytes(raw.read_bytes()[:500])
    assert failure(tmp_path) is ErrorCode.TRUNCATED_FILE
    raw.unlink()
    assert failure(tmp_path) is ErrorCode.INPUT_NOT_FOUND


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mhd", "a.nrrd"])
def test_junk(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"junk" * 100)
    assert failure(tmp_path) is ErrorCode.INPUT_NOT_READABLE


def test_truncated_nifti(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(body_hu().T, np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:2000])
    assert failure(path) is ErrorCode.TRUNCATED_FILE


def test_not_one_volume(tmp_path: Path) -> None:
    four = np.zeros((4, 5, 6, 2), dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(four, np.eye(4)), tmp_path / "four.nii")
    assert failure(tmp_path / "four.nii") is ErrorCode.INVALID_ATTRIBUTE
    sitk.WriteImage(itk_image(body_hu())[:, :, 0], str(tmp_path / "flat.mha"))
    assert failure(tmp_path / "flat.mha") is ErrorCode.INVALID_ATTRIBUTE
    vector = sitk.Compose(itk_image(body_hu()), itk_image(body_hu()))
    sitk.WriteImage(vector, str(tmp_path / "vector.mha"))
    assert failure(tmp_path / "vector.mha") is ErrorCode.INVALID_ATTRIBUTE


def test_volume_with_a_fourth_axis_of_one(tmp_path: Path) -> None:
    hu = body_hu()
    nibabel.save(nibabel.Nifti1Image(hu.T[..., None], np.eye(4)), tmp_path / "a.nii")
    assert np.array_equal(load_volume(tmp_path).hu, hu)


def test_8_bit_values_are_no_ct(tmp_path: Path) -> None:
    picture = np.arange(40 * 24 * 20, dtype=np.uint8).reshape(40, 24, 20)
    sitk.WriteImage(itk_image(picture), str(tmp_path / "picture.mhd"))
    assert failure(tmp_path / "picture.mhd") is ErrorCode.NOT_HOUNSFIELD
    sitk.WriteImage(itk_image(picture.astype(np.int16)), str(tmp_path / "picture.nrrd"))
    assert failure(tmp_path / "picture.nrrd") is ErrorCode.NOT_HOUNSFIELD


def test_masks_beside_a_volume_are_passed_over(tmp_path: Path) -> None:
    sitk.WriteImage(itk_image(body_hu()), str(tmp_path / "ct.mhd"))
    mask = (body_hu() > 0).astype(np.uint8)
    sitk.WriteImage(itk_image(mask), str(tmp_path / "mask.mhd"))
    nibabel.save(nibabel.Nifti1Image(mask.T, np.eye(4)), tmp_path / "mask.nii.gz")
    found = find_studies(tmp_path)
    assert [study.key for study in found.studies] == ["ct"]
    assert found.ignored == 4  # two masks and two .raw files


def test_same_stem_gives_two_keys(tmp_path: Path) -> None:
    sitk.WriteImage(itk_image(body_hu()), str(tmp_path / "ct.mha"))
    sitk.WriteImage(itk_image(body_hu()), str(tmp_path / "ct.nrrd"))
    assert [study.key for study in find_studies(tmp_path).studies] == ["ct", "ct~2"]


def test_scaled_and_float_nifti(tmp_path: Path) -> None:
    hu = body_hu()
    scaled = nibabel.Nifti1Image(((hu.T + 1024) * 2).astype(np.int16), np.eye(4))
    scaled.header.set_slope_inter(0.5, -1024)
    # Slope and intercept are what the header says, not what nibabel would choose.
    path = tmp_path / "scaled.nii"
    nibabel.save(scaled, path)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([0.5, -1024], dtype="<f4").tobytes()
    content[352:] = ((hu.astype(int) + 1024) * 2).astype("<i2").tobytes()
    path.write_bytes(content)
    volume = load_volume(path)
    assert volume.hu.dtype == np.int16
    assert np.array_equal(volume.hu, hu)

    values = hu.astype(np.float32) + 0.25
    values[0, 0, 0] = np.nan
    nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), tmp_path / "float.nii")
    volume = load_volume(tmp_path / "float.nii")
    assert volume.hu.dtype == np.float32
    assert volume.hu[0, 0, 0] == -1024
    assert "not-a-number" in [w.code for w in volume.warnings]


def test_nifti_without_orientation_is_said(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(body_hu().T, None)
    image.header.set_zooms((0.5, 0.75, 3.0))
    nibabel.save(image, tmp_path / "a.nii")
    volume = load_volume(tmp_path)
    assert [w.code for w in volume.warnings] == ["no-orientation"]
    assert volume.geometry.spacing_irc_mm == pytest.approx((3.0, 0.75, 0.5))


def test_dicom_and_research_files_in_one_folder(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", body_hu())
    sitk.WriteImage(itk_image(body_hu()), str(tmp_path / "ct.mha"))
    assert len(find_studies(tmp_path).studies) == 2


@pytest.mark.parametrize("name", ["a.mhd", "a.mha"])
@pytest.mark.parametrize("says_length", [True, False])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_compressed_data_that_are_damaged_are_never_read(
    name: str, says_length: bool, damage: str, tmp_path: Path
) -> None:
    """ITK fills up what it cannot decompress where the header does not give the length."""
    path = tmp_path / name
    image = sitk.GetImageFromArray(body_hu())
    sitk.WriteImage(image, str(path), useCompression=True)
    data = tmp_path / "a.zraw" if name == "a.mhd" else path
    content = path.read_bytes()
    start = content.index(b"CompressedDataSize")
    end = content.index(b"\n", start) + 1
    if not says_length:
        path.write_bytes(content[:start] + content[end:])
    if says_length or name == "a.mhd":
        assert np.array_equal(load_volume(path).hu, body_hu())
    else:  # ITK gives whatever lies in the memory
        assert failure(path) is ErrorCode.INPUT_NOT_READABLE
    whole = data.read_bytes()
    middle = len(whole) - 4000
    broken = whole[:-800] if damage == "cut" else whole[:middle] + bytes(50) + whole[middle + 50 :]
    data.write_bytes(broken)
    assert failure(path) is ErrorCode.TRUNCATED_FILE


def test_a_data_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mhd"
    sitk.WriteImage(sitk.GetImageFromArray(body_hu()), str(path))
    (tmp_path / "a.raw").unlink()
    with pytest.raises(NodulusError) as error:
        load_volume(path)
    assert error.value.code is ErrorCode.INPUT_NOT_FOUND
    assert error.value.message.startswith("a.raw, which a.mhd names, is missing")
