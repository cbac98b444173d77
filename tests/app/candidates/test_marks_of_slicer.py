"""Segmentations and markups that 3D Slicer's own code wrote, as candidates and as truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.data.marked_points.markups import read_markups
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.candidates.opened import marks_of, voxels
from tests.app.other_tools import NODULE_TAGS
from tests.app.slicer_core import write_markups, write_segments
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]
TERMS = NODULE_TAGS.removeprefix("TerminologyEntry:").removesuffix("|")


def turned(geometry: Geometry) -> Geometry:
    """The same voxels with the axes in another order, two of them the other way round."""
    slices, rows, columns = geometry.shape_irc
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.index_to_lps(np.array([0, rows - 1, columns - 1]))
    affine[:3, :3] = affine[:3, [1, 2, 0]] * np.array([-1.0, -1.0, 1.0])
    return Geometry((rows, columns, slices), affine)


@pytest.mark.parametrize("is_turned", [False, True])
def test_every_voxel_of_segments_that_overlap(
    tmp_path: Path, scan: CtVolume, masks: tuple[np.ndarray, ...], is_turned: bool
) -> None:
    path = tmp_path / "s.seg.nrrd"
    given = {"left lung": scan.hu < -700, "nodule a": masks[0], "nodule b": masks[1]}
    geometry = scan.geometry
    if is_turned:
        geometry = turned(geometry)
        given = {
            name: np.ascontiguousarray(mask.transpose(1, 2, 0)[::-1, ::-1])
            for name, mask in given.items()
        }
    write_segments(path, geometry, given)
    assert np.array_equal(voxels(marks_of(path, scan), scan), masks[0] | masks[1])


def test_a_segment_is_a_nodule_by_its_term(
    tmp_path: Path, scan: CtVolume, masks: tuple[np.ndarray, ...]
) -> None:
    path = tmp_path / "s.seg.nrrd"
    write_segments(path, scan.geometry, {"Segment_1": masks[1]}, TERMS)
    assert np.array_equal(voxels(marks_of(path, scan), scan), masks[1])


def test_points_and_lines(tmp_path: Path, scan: CtVolume) -> None:
    points, line = tmp_path / "points.mrk.json", tmp_path / "line.mrk.json"
    write_markups(points, [BIG, SMALL], is_line=False)
    found = marks_of(points, scan).marks
    np.testing.assert_allclose([m.center_lps_mm for m in found], [BIG, SMALL], atol=1e-6)
    ends = np.array([[-4.0, 0, 0], [4.0, 0, 0]]) + BIG
    write_markups(line, ends.tolist(), is_line=True)
    (one,) = read_markups(line).points
    assert one.center_lps_mm == pytest.approx(BIG, abs=1e-6)
    assert one.diameter_mm == pytest.approx(8.0, abs=1e-6)
