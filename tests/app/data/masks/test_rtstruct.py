"""Contours of a DICOM RTSTRUCT become the mask that they go round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.rtstruct import read_rtstruct

from .dicom_masks import (
    FRAME,
    ORIGIN,
    SHAPE_IRC,
    SPACING_MM,
    STEP_MM,
    contours_of,
    lungs,
    source,
    two_balls,
    write_rtstruct,
    write_seg,
)
from .test_seg_reader import NODULE, whole


def lps(corners_rc: list[tuple[float, float]], k: int) -> np.ndarray:
    r, c = np.array(corners_rc, dtype=float).T
    x, y = ORIGIN[0] + c * SPACING_MM[1], ORIGIN[1] + r * SPACING_MM[0]
    return np.column_stack([x, y, np.full(len(r), ORIGIN[2] + STEP_MM * k)])


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (low, high), (high, high), (high, low)]


def test_contours_give_back_the_mask_that_they_go_round(tmp_path: Path) -> None:
    first, second = two_balls()
    path = write_rtstruct(
        tmp_path / "rt.dcm",
        [
            ("GTV-1", "GTV", contours_of(first)),
            ("Lungs", "ORGAN", contours_of(lungs())),
            ("left nodule", "", contours_of(second)),
        ],
    )
    masks = read_rtstruct(path, source())
    assert [m.structure.name for m in masks] == ["GTV-1", "left nodule"]
    np.testing.assert_array_equal(whole(masks[0]), first)
    np.testing.assert_array_equal(whole(masks[1]), second)


def test_rtstruct_and_seg_of_one_nodule_are_the_same(tmp_path: Path) -> None:
    from nodulus.app.data.masks.seg_reader import read_seg

    first, _ = two_balls()
    seg = write_seg(tmp_path / "seg.dcm", [("Nodule", NODULE, first)])
    rt = write_rtstruct(tmp_path / "rt.dcm", [("Nodule", "", contours_of(first))])
    (a,), (b,) = read_seg(seg, source()), read_rtstruct(rt, source())
    assert a.box == b.box
    np.testing.assert_array_equal(a.mask, b.mask)


def test_a_line_through_pixel_centres_belongs_to_the_roi(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "rt.dcm", [("nodule", "", [lps(square(10, 14), 2)])])
    (mask,) = read_rtstruct(path, source())
    expected = np.zeros(SHAPE_IRC, dtype=bool)
    expected[2, 10:15, 10:15] = True
    np.testing.assert_array_equal(whole(mask), expected)


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_in_a_contour_is_a_hole(tmp_path: Path, kind: str) -> None:
    curves = [lps(square(9.5, 18.5), 2), lps(square(12.5, 15.5), 2)]
    path = write_rtstruct(tmp_path / "rt.dcm", [("nodule", "", curves)], kind=kind)
    (mask,) = read_rtstruct(path, source())
    expected = np.zeros(SHAPE_IRC, dtype=bool)
    expected[2, 10:19, 10:19] = True
    expected[2, 13:16, 13:16] = False
    np.testing.assert_array_equal(whole(mask), expected)


def test_a_keyhole_is_a_hole(tmp_path: Path) -> None:
    outer, inner = square(9.5, 18.5), square(12.5, 15.5)
    keyhole = [*outer, outer[0], inner[0], *inner[:0:-1], inner[0], outer[0]]
    path = write_rtstruct(tmp_path / "rt.dcm", [("nodule", "", [lps(keyhole, 2)])])
    (mask,) = read_rtstruct(path, source())
    assert mask.mask.sum() == 81 - 9


def test_a_contour_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    curve = lps(square(9.5, 12.5), 2)
    path = write_rtstruct(tmp_path / "rt.dcm", [("nodule", "", [curve, curve])])
    (mask,) = read_rtstruct(path, source())
    assert mask.mask.sum() == 9


def test_contours_without_an_image_are_counted(tmp_path: Path) -> None:
    first, _ = two_balls()
    path = write_rtstruct(tmp_path / "rt.dcm", [("nodule", "", contours_of(first))])
    (mask,) = read_rtstruct(path, source(skip=[3]))
    assert mask.lost_planes == 1


def open_line(path: Path) -> None:
    write_rtstruct(path, [("nodule", "", [lps(square(3, 5), 2)])], kind="OPEN_PLANAR")


def other_frame(path: Path) -> None:
    write_rtstruct(path, [("nodule", "", [lps(square(3, 5), 2)])], frame=FRAME[:-2] + ".1")


def tilted(path: Path) -> None:
    curve = lps(square(3, 20), 2)
    curve[:2, 2] += 2.0
    write_rtstruct(path, [("nodule", "", [curve])])


def between(path: Path) -> None:
    curve = lps(square(3, 20), 2)
    curve[:, 2] += 0.4 * STEP_MM
    write_rtstruct(path, [("nodule", "", [curve])])


def beyond(path: Path) -> None:
    write_rtstruct(path, [("nodule", "", [lps(square(30, 45), 2)])])


def not_points(path: Path) -> None:
    write_rtstruct(path, [("nodule", "", [lps(square(3, 5), 2)])])
    ds = pydicom.dcmread(path)
    ds.ROIContourSequence[0].ContourSequence[0].ContourData = ["1", "2", "3", "4"]
    ds.save_as(path)


def other_names(path: Path) -> None:
    curves = [lps(square(3, 5), 2)]
    write_rtstruct(path, [("Lungs-GTV", "", curves), ("Heart", "ORGAN", curves)])


def seg(path: Path) -> None:
    write_seg(path, [("Nodule", NODULE, two_balls()[0])])


def no_dicom(path: Path) -> None:
    path.write_bytes(b"not DICOM")


@pytest.mark.parametrize(
    ("write", "problem", "words"),
    [
        (open_line, MaskProblem.MISMATCH, "a contour of type OPEN_PLANAR"),
        (other_frame, MaskProblem.MISMATCH, "another frame of reference"),
        (tilted, MaskProblem.MISMATCH, "crosses 2.00 mm"),
        (between, MaskProblem.MISMATCH, "1.00 mm from the nearest image"),
        (beyond, MaskProblem.MISMATCH, "reaches beyond the images"),
        (not_points, MaskProblem.NOT_READABLE, "without whole points"),
        (other_names, MaskProblem.NOTHING_CHOSEN, r"outlines 'Lungs-GTV', 'Heart' \(ORGAN\)"),
        (seg, MaskProblem.NOT_READABLE, "no RT structure set"),
        (no_dicom, MaskProblem.NOT_READABLE, "no DICOM file"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, write, problem, words) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "rt.dcm"
    write(path)
    with pytest.raises(MaskError, match=words) as caught:
        read_rtstruct(path, source())
    assert caught.value.problem is problem
    assert str(path) in str(caught.value)
