"""How far each lung reaches, whatever the array's axes are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nodulus.app.chain.lung_extent import lung_extents
from nodulus.app.chain.settings import load_settings
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT
from nodulus.transforms.lungs import find_lungs
from tests.app.chain.box_lungs import box_lungs
from tests.app.synthetic_chest import make_volume

RULE = load_settings().pipeline.lobe


def test_a_lung_reaches_from_its_first_to_its_last_level() -> None:
    extent = lung_extents(box_lungs(), RULE)["left"]
    assert extent.x_mm == pytest.approx((10.0, 110.0), abs=2.5)
    assert (extent.front_mm, extent.back_mm) == pytest.approx((-80.0, 80.0), abs=2.5)
    assert (extent.low_mm, extent.high_mm) == pytest.approx((0.0, 240.0), abs=2.5)
    assert (extent.height_mm, extent.depth_mm) == pytest.approx((240.0, 160.0), abs=5.0)
    assert (extent.cut_below, extent.cut_above) == (False, False)


def test_of_a_cut_lung_a_usual_height_is_supposed() -> None:
    extent = lung_extents(box_lungs(), RULE)["left"]
    assert extent.whole(1.3) == extent
    low = dataclasses.replace(extent, low_mm=60.0, cut_below=True).whole(1.4)
    assert (low.low_mm, low.high_mm) == (extent.high_mm - 1.4 * extent.depth_mm, extent.high_mm)
    high = dataclasses.replace(extent, high_mm=180.0, cut_above=True).whole(1.4)
    assert (high.low_mm, high.high_mm) == (extent.low_mm, extent.low_mm + 1.4 * extent.depth_mm)


def test_nothing_is_measured_of_lungs_unlike_each_other() -> None:
    assert set(lung_extents(box_lungs((240.0, 215.0)), RULE)) == {"left", "right"}
    assert lung_extents(box_lungs((240.0, 190.0)), RULE) == {}
    assert lung_extents(box_lungs((140.0, 140.0)), RULE) == {}


def test_gas_of_the_bowel_does_not_count() -> None:
    lungs = box_lungs(margin=40)
    sides = lungs.sides.copy()
    sides[2:30, 20:60, 60:90] = LEFT
    with_gas = dataclasses.replace(lungs, sides=sides)
    assert lung_extents(with_gas, RULE) == lung_extents(lungs, RULE)


def test_array_axes_do_not_matter() -> None:
    volume = make_volume()
    lungs = find_lungs(volume.hu, volume.geometry)
    assert lungs is not None
    flipped = LungRegion(
        lungs.search_region[::-1],
        lungs.sides[::-1],
        Geometry(
            lungs.search_region.shape,
            lungs.geometry.affine_lps @ _reversed(lungs.search_region.shape[0]),
        ),
        (False, False),
    )
    assert lung_extents(lungs, RULE)
    for side, extent in lung_extents(flipped, RULE).items():
        other = lung_extents(lungs, RULE)[side]
        assert extent.x_mm == pytest.approx(other.x_mm)
        assert dataclasses.astuple(extent)[1:] == pytest.approx(dataclasses.astuple(other)[1:])


def _reversed(count: int) -> np.ndarray:
    turn = np.eye(4)
    turn[0, 0], turn[0, 3] = -1, count - 1
    return turn
