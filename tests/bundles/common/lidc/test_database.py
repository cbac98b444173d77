"""LIDC-IDRI's readers: ratings, outlines, and which are of one nodule."""

import sqlite3

import numpy as np
import pytest

from nodulus.bundles.common.lidc import database
from nodulus.bundles.common.lidc.clusters import cluster_annotations
from nodulus.bundles.common.lidc.database import (
    Annotation,
    LidcScan,
    read_annotations,
    read_outlines,
)

# A square outline with corners 10..20: it runs through the first pixels outside.
SQUARE = "10,10\n20,10\n20,20\n10,20"
HOLE = "13,13\n17,13\n17,17\n13,17"


@pytest.fixture
def small_database(tmp_path):
    path = tmp_path / "small.sqlite"
    features = ", ".join(f'"{name}" INTEGER' for name in database.FEATURES)
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE scans (id, patient_id, series_instance_uid, pixel_spacing,"
            " slice_thickness);"
            "CREATE TABLE zvals (id, scan_id, val);"
            f"CREATE TABLE annotations (id, scan_id, {features});"
            "CREATE TABLE contours (id, annotation_id, inclusion, image_z_position, coords);"
            "INSERT INTO scans VALUES (1, 'LIDC-IDRI-0001', '1.2.3', 0.5, 2.5);"
        )
        connection.executemany(
            "INSERT INTO zvals VALUES (?, 1, ?)", [(k, 1.25 * k) for k in range(10)]
        )
        connection.execute("INSERT INTO annotations VALUES (7, 1, 5, 1, 6, 4, 3, 2, 1, 5, 4)")
        connection.executemany(
            "INSERT INTO contours VALUES (?, 7, ?, ?, ?)",
            [(1, 1, 2.5, SQUARE), (2, 1, 1.25, SQUARE), (3, 0, 1.25, HOLE)],
        )
    connection.close()
    return path


def test_reads_ratings_centre_and_volume(small_database):
    (annotation,) = read_annotations(small_database)
    assert annotation.ratings == (5, 1, 6, 4, 3, 2, 1, 5, 4)
    # Spacing comes from the slices' positions, not from their thickness of 2.5 mm.
    assert annotation.scan.slice_spacing_mm == pytest.approx(1.25)
    assert annotation.center_xyz_mm[:2] == pytest.approx((7.5, 7.5))
    # 100 - 40 / 2 pixels on each slice, less the hole's 16 - 16 / 2.
    assert annotation.volume_mm3 == pytest.approx((2 * 80 - 8) * 0.25 * 1.25)
    assert annotation.slices == 2


def test_outlines_come_from_the_lowest_slice_up_with_holes_marked(small_database):
    outlines = read_outlines([7], small_database)[7]
    assert [(o.z_mm, o.is_hole) for o in outlines] == [(1.25, False), (1.25, True), (2.5, False)]
    np.testing.assert_array_equal(outlines[1].points_xy[0], (13, 13))


def test_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(database.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"pip install nodulus\[train\]"):
        database.database_path()


def annotation(number, x_mm, radius_mm=3.0, scan_id=1):
    scan = LidcScan(scan_id, "LIDC-IDRI-0001", "1.2.3", 0.7, 1.25)
    volume = 4 / 3 * np.pi * radius_mm**3
    return Annotation(number, scan, (3,) * 9, (x_mm, 0.0, 0.0), volume, 3)


def test_close_annotations_are_one_nodule_and_far_ones_are_not():
    items = [annotation(1, 0.0), annotation(2, 30.0), annotation(3, 1.0), annotation(4, 31.0)]
    groups = cluster_annotations(items)
    assert [[a.id for a in group] for group in groups] == [[1, 3], [2, 4]]


def test_at_most_four_readers_share_a_nodule():
    items = [annotation(k, x) for k, x in enumerate([0.0, 0.1, 0.2, 0.3, 4.0, 4.1, 4.2])]
    groups = cluster_annotations(items)
    assert sorted(len(group) for group in groups) == [3, 4]
    assert {a.id for a in groups[0]} == {0, 1, 2, 3}


def test_scans_are_kept_apart():
    assert len(cluster_annotations([annotation(1, 0.0), annotation(2, 0.0, scan_id=2)])) == 2
