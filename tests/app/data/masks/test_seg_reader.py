"""Nodules of a DICOM SEG are read onto the grid of their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.seg_reader import read_seg
from nodulus.app.data.masks.structures import StructureMask

from .dicom_masks import (
    FRAME,
    SHAPE_IRC,
    STEP_MM,
    ct_images,
    lungs,
    source,
    two_balls,
    write_rtstruct,
    write_seg,
)

NODULE, LUNG = codes.SCT.Nodule, codes.SCT.Lung


def whole(mask: StructureMask) -> np.ndarray:
    result = np.zeros(SHAPE_IRC, dtype=bool)
    result[mask.box] = mask.mask
    return result


def both(path: Path, **options: object) -> Path:
    first, second = two_balls()
    return write_seg(
        path,
        [("Nodule 1", NODULE, first), ("Lungs", LUNG, lungs()), ("Nodule 2", NODULE, second)],
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False])
def test_nodules_are_read_back_and_lungs_left_out(tmp_path: Path, kind: str, omit: bool) -> None:
    path = both(tmp_path / "seg.dcm", kind=kind, omit_empty_frames=omit)
    masks = read_seg(path, source())
    assert [(m.structure.number, m.structure.name) for m in masks] == [
        (1, "Nodule 1"), (3, "Nodule 2"),
    ]  # fmt: skip
    for mask, ball in zip(masks, two_balls(), strict=True):
        np.testing.assert_array_equal(whole(mask), ball)
        assert mask.lost_planes == 0


def test_frames_are_placed_by_position_whatever_the_order_of_images(tmp_path: Path) -> None:
    images = ct_images()[::-1]
    first, _ = two_balls()
    path = write_seg(tmp_path / "seg.dcm", [("Nodule", NODULE, first[::-1])], images=images)
    (mask,) = read_seg(path, source())
    np.testing.assert_array_equal(whole(mask), first)


def test_a_grid_that_is_turned_round_in_its_plane_is_read(tmp_path: Path) -> None:
    first, _ = two_balls()
    path = write_seg(tmp_path / "seg.dcm", [("Nodule", NODULE, first)])
    seg = pydicom.dcmread(path)
    rows, columns = SHAPE_IRC[1:]
    orientation = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    for group in seg.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        far = [x + (columns - 1) * 0.7, y + (rows - 1) * 0.8, z]
        group.PlanePositionSequence[0].ImagePositionPatient = far
    seg.save_as(path)
    (mask,) = read_seg(path, source())
    np.testing.assert_array_equal(whole(mask), first[:, ::-1, ::-1])


@pytest.mark.parametrize(("threshold", "grown"), [(0.5, False), (0.2, True)])
def test_fractional_values_are_cut_at_the_threshold(
    tmp_path: Path, threshold: float, grown: bool
) -> None:
    first, second = two_balls()
    values = np.where(first, 0.9, np.where(second, 0.3, 0.0))
    path = write_seg(
        tmp_path / "seg.dcm",
        [("Nodules", NODULE, values)],
        kind="FRACTIONAL",
        fractional_type="PROBABILITY",
    )
    (mask,) = read_seg(path, source(), threshold=threshold)
    np.testing.assert_array_equal(whole(mask), first | second if grown else first)


def test_segments_are_chosen_by_label(tmp_path: Path) -> None:
    path = both(tmp_path / "seg.dcm")
    assert [m.structure.name for m in read_seg(path, source(), ["nodule 2"])] == ["Nodule 2"]
    assert [m.structure.name for m in read_seg(path, source(), ["lung*"])] == ["Lungs"]


def test_planes_without_an_image_are_counted(tmp_path: Path) -> None:
    first, _ = two_balls()
    path = write_seg(tmp_path / "seg.dcm", [("Nodule", NODULE, first)])
    (mask,) = read_seg(path, source(skip=[3]))
    assert mask.lost_planes == 1
    (mask,) = read_seg(path, source(skip=[0, 1, 2]))
    assert mask.lost_planes == first.any(axis=(1, 2))[:3].sum()


def nothing_wanted(path: Path) -> None:
    write_seg(path, [("Lungs", LUNG, lungs())])


def other_frame(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    seg.FrameOfReferenceUID = FRAME[:-2] + ".1"
    seg.save_as(path)


def lifted(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    for group in seg.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x, y, z + STEP_MM / 2]
    seg.save_as(path)


def moved(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    for group in seg.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x + 0.3, y, z]
    seg.save_as(path)


def beside(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    for group in seg.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x + 40 * 0.7, y, z]
    seg.save_as(path)


def finer(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [0.5, 0.5]
    seg.save_as(path)


def coronal(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    orientation = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    seg.save_as(path)


def oblique(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    orientation = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [0.8, 0.6, 0, -0.6, 0.8, 0]
    seg.save_as(path)


def no_position(path: Path) -> None:
    seg = pydicom.dcmread(both(path))
    for group in seg.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    seg.save_as(path)


def cut_off(path: Path) -> None:
    whole_file = both(path).read_bytes()
    path.write_bytes(whole_file[: len(whole_file) - 3000])


def no_dicom(path: Path) -> None:
    path.write_bytes(b"not DICOM")


def rtstruct(path: Path) -> None:
    write_rtstruct(path, [])


@pytest.mark.parametrize(
    ("write", "problem", "words"),
    [
        (nothing_wanted, MaskProblem.NOTHING_CHOSEN, r"it outlines 'Lungs' \(Lung\)"),
        (other_frame, MaskProblem.MISMATCH, "another frame of reference"),
        (lifted, MaskProblem.MISMATCH, "1.25 mm from the nearest image"),
        (moved, MaskProblem.MISMATCH, "its first one lies at row 0.00, column 0.43"),
        (beside, MaskProblem.MISMATCH, "reaches beyond the images"),
        (finer, MaskProblem.MISMATCH, "its pixels are 0.5 x 0.5 mm, those of the series 0.8 x 0.7"),
        (coronal, MaskProblem.MISMATCH, "oblique to the images"),
        (oblique, MaskProblem.MISMATCH, "its grid is not that of series"),
        (no_position, MaskProblem.NOT_READABLE, r"\(0020,9113\)"),
        (cut_off, MaskProblem.NOT_READABLE, "cannot be read"),
        (no_dicom, MaskProblem.NOT_READABLE, "cannot be read as a DICOM segmentation"),
        (rtstruct, MaskProblem.NOT_READABLE, "cannot be read as a DICOM segmentation"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, write, problem, words) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "seg.dcm"
    write(path)
    with pytest.raises(MaskError, match=words) as caught:
        read_seg(path, source())
    assert caught.value.problem is problem
    assert str(path) in str(caught.value)
    assert "ever-shown" not in str(caught.value)


def test_images_that_are_referred_to_twice(tmp_path: Path) -> None:
    """As dcmqi and 3D Slicer write it: in the series, and in other studies' instances again."""
    path = both(tmp_path / "seg.dcm")
    plain = [whole(mask) for mask in read_seg(path, source())]
    seg = pydicom.dcmread(path)
    study = pydicom.Dataset()
    study.StudyInstanceUID = seg.StudyInstanceUID
    study.ReferencedSeriesSequence = list(seg.ReferencedSeriesSequence)
    seg.StudiesContainingOtherReferencedInstancesSequence = [study]
    (series,) = seg.ReferencedSeriesSequence
    series.ReferencedInstanceSequence = [*series.ReferencedInstanceSequence] * 2
    seg.save_as(path)
    again = [whole(mask) for mask in read_seg(path, source())]
    assert len(again) == 2
    assert all(np.array_equal(one, other) for one, other in zip(plain, again, strict=True))
