from __future__ import annotations

import csv

import numpy as np
import pytest

from bundles.common.data.rated_crops import read_crops


@pytest.fixture
def folder(tmp_path):
    hu = np.full((3, 21, 21, 21), -800, np.int16)
    mask = np.zeros(hu.shape, bool)
    mask[:, 8:13, 8:13, 8:13] = True
    hu[:, 20, 10, 10], hu[:, 10, 20, 10], hu[:, 10, 10, 20] = 1, 2, 3  # head, back, left
    np.savez_compressed(tmp_path / "crops.npz", hu=hu, mask=mask)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["crop", "patient", "malignancy", "equivalent_diameter_mm"])
        rows.writerows([["a", "P", 1, 6.2], ["b", "P", 3, 6.2], ["c", "P", 5, 6.2]])
    return tmp_path


def test_crops_are_in_ras_order_and_undecided_ones_are_left_out(folder):
    crops = read_crops(folder)
    assert [(c.name, c.malignant) for c in crops] == [("a", False), ("c", True)]
    hu, place = crops[0].hu, crops[0].geometry
    middle = place.index_to_lps((10, 10, 10))
    for value, direction in ((1, (0, 0, 10)), (2, (0, 10, 0)), (3, (10, 0, 0))):
        at = place.index_to_lps(np.argwhere(hu == value)[0])
        assert at - middle == pytest.approx(np.array(direction))  # LPS: head, back, left
    assert crops[0].volume_mm3 == 125


def test_the_networks_cube_is_the_middle_scaled(folder):
    crop = read_crops(folder)[0]
    cube = crop.cube(4, (-1000, 400))
    assert cube.shape == (1, 4, 4, 4)
    assert float(cube.mean()) == pytest.approx(200 / 1400)
    wide = crop.cube(32, (-1000, 400))
    assert float(wide[0, 0, 0, 0]) == 0  # air beyond the crop
    assert float(wide[0, 16, 16, 26]) == pytest.approx(1001 / 1400)  # towards the head


def test_files_that_do_not_match_are_refused(folder):
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text + "d,P,4,5.0\n")
    with pytest.raises(ValueError, match="4 labels, 3 images"):
        read_crops(folder)
    (folder / "labels.csv").write_text(text.replace("malignancy", "rating"))
    with pytest.raises(ValueError, match="needs rows with the columns"):
        read_crops(folder)
