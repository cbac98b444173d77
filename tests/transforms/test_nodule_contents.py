"""Calcium, fat and air in a nodule."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.nodule_contents import Calcification, ContentsRule, contents
from tests.transforms.test_texture_class import SPACINGS, nodule

RULE = ContentsRule(
    calcified_hu=164, complete_share=0.8, central_depth=0.5, central_share=0.9, enclosed_share=0.05,
    fat_hu=(-120, -40), air_hu=-800, border_mm=1.0, least_core_voxels=8, least_voxels=8,
)  # fmt: skip


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(
    ("spheres", "pattern"),
    [
        ([(8.0, 40.0)], Calcification.NONE),
        ([(8.0, 600.0)], Calcification.COMPLETE),
        ([(8.0, 40.0), (3.0, 900.0)], Calcification.CENTRAL),
        ([(8.0, 700.0), (5.5, 40.0)], Calcification.CONCENTRIC),
        ([(9.0, 40.0), (7.0, 700.0), (4.5, 40.0)], Calcification.CONCENTRIC),
    ],
)
def test_the_pattern_of_calcium_is_told(spacing, spheres, pattern) -> None:
    found = contents(*nodule(spacing, *spheres), RULE)
    assert found.calcification is pattern
    assert found.cavity_volume_mm3 == 0


def test_calcium_at_one_side_is_no_central_one() -> None:
    hu, mask, place = nodule((1.0, 1.0, 1.0), (8.0, 40.0))
    middle = [n // 2 for n in mask.shape]
    hu[middle[0] - 1 : middle[0] + 2, middle[1] - 1 : middle[1] + 2, middle[2] + 5 :][..., :3] = 900
    assert contents(hu, mask, place, RULE).calcification is Calcification.OTHER


def test_an_open_or_eccentric_ring_is_no_concentric_one() -> None:
    hu, mask, place = nodule((1.0, 1.0, 1.0), (8.0, 700.0), (5.5, 40.0))
    middle = [n // 2 for n in mask.shape]
    opened = hu.copy()
    opened[:, :, middle[2] :][mask[:, :, middle[2] :]] = 40.0  # half of it has none
    assert contents(opened, mask, place, RULE).calcification is Calcification.OTHER
    hu, mask, place = nodule((1.0, 1.0, 1.0), (9.0, 40.0))
    points = np.stack(np.meshgrid(*map(np.arange, mask.shape), indexing="ij"), -1)
    away = np.linalg.norm(points - np.add(middle_of(mask), (0, 0, 4.5)), axis=-1)
    hu[mask & (away < 3.5) & (away > 1.8)] = 800.0  # a small ring beside the middle
    assert contents(hu, mask, place, RULE).calcification is Calcification.OTHER


def middle_of(mask):
    return np.argwhere(mask).mean(axis=0)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_fat_in_the_core_is_measured_and_none_is_seen_at_a_solid_rim(spacing) -> None:
    assert contents(*nodule(spacing, (8.0, 40.0)), RULE).fat_share < 0.01
    assert contents(*nodule(spacing, (9.0, 40.0), (5.0, -80.0)), RULE).fat_share > 0.1


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_cavity_is_measured_whether_or_not_the_mask_holds_it(spacing) -> None:
    hu, mask, place = nodule(spacing, (12.0, 40.0), (6.0, -1000.0))
    expected = 4 / 3 * np.pi * 6**3
    for hollow in (mask, mask & (hu > -500)):
        found = contents(hu, hollow, place, RULE).cavity_volume_mm3
        assert found == pytest.approx(expected, rel=0.45)
        assert found < expected


def test_an_empty_mask_is_refused() -> None:
    hu, mask, place = nodule((1.0, 1.0, 1.0), (8.0, 40.0))
    with pytest.raises(ValueError, match="empty"):
        contents(hu, mask & False, place, RULE)
