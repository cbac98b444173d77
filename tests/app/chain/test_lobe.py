"""The lobe of a finding is told where it is certain, and not otherwise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nodulus.app.chain.lobe import lobe, lung_extents
from nodulus.app.chain.settings import load_settings
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.lungs import find_lungs
from tests.app.synthetic_chest import make_volume

RULE = load_settings().pipeline.lobe


def region(heights_mm: tuple[float, float] = (240.0, 240.0), margin: int = 10) -> LungRegion:
    """Two boxes of lung 100 mm wide and 160 mm deep, right and left; z from 0 up."""
    top = 0.0 + max(heights_mm)
    shape = (int(top / 2.5) + 2 * margin, 80, 100)
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = 2.5
    affine[:3, 3] = (-125.0, -100.0, -2.5 * margin)
    affine[3, 3] = 1
    geometry = Geometry(shape, affine)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(geometry.index_to_lps(index), -1, 0)
    height = np.where(x < 0, *heights_mm)
    air = (np.abs(x) > 10) & (np.abs(x) < 110) & (np.abs(y) < 80) & (z >= 0) & (z <= height)
    sides = np.where(air, np.where(x < 0, RIGHT, LEFT), 0).astype(np.uint8)
    return LungRegion(air, sides, geometry, (False, False))


# Height and depth as shares of the lung; what the oblique fissure says.
PLACES = {
    "apex, behind": (0.97, 0.9, "upper", "upper"),
    "front, at two thirds": (0.66, 0.1, "upper", None),
    "front, at mid-height": (0.5, 0.1, "upper", None),
    "behind, above the middle": (0.75, 0.9, None, None),
    "middle": (0.5, 0.5, None, None),
    "behind, low": (0.3, 0.9, "lower", "lower"),
    "front, low: middle lobe, lingula or recess": (0.02, 0.2, None, None),
}


@pytest.mark.parametrize("place", PLACES)
def test_only_what_is_certain_is_said(place: str) -> None:
    height, depth, left, right = PLACES[place]
    extents = lung_extents(region(), RULE)
    point = (60.0, -80.0 + 160.0 * depth, 240.0 * height)
    assert lobe(extents, "left", point, RULE) == left
    assert lobe(extents, "right", (-60.0, *point[1:]), RULE) == right
    assert lobe(extents, None, point, RULE) is None


def test_nothing_is_said_of_lungs_unlike_each_other() -> None:
    assert set(lung_extents(region((240.0, 215.0)), RULE)) == {"left", "right"}
    assert lung_extents(region((240.0, 190.0)), RULE) == {}
    assert lung_extents(region((140.0, 140.0)), RULE) == {}


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        (slice(0, 116), ("upper", "lower")),  # all of the lungs, which are slices 10 to 106
        (slice(24, 116), ("upper", None)),
        (slice(0, 92), (None, "lower")),
    ],
)
def test_a_cut_scan_does_not_say_what_depends_on_the_cut(
    slices: slice, said: tuple[str | None, str | None]
) -> None:
    whole = region()
    sides = whole.sides[slices]
    geometry = whole.geometry.cropped((slices.start, 0, 0), sides.shape)
    extents = lung_extents(LungRegion(sides > 0, sides, geometry, (True, True)), RULE)
    front_high, back_low = (60.0, -70.0, 195.0), (60.0, 75.0, 72.0)
    assert (lobe(extents, "left", front_high, RULE), lobe(extents, "left", back_low, RULE)) == said


def test_gas_of_the_bowel_does_not_count() -> None:
    lungs = region(margin=40)
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
        assert dataclasses.astuple(extent) == pytest.approx(dataclasses.astuple(other))


def _reversed(count: int) -> np.ndarray:
    turn = np.eye(4)
    turn[0, 0], turn[0, 3] = -1, count - 1
    return turn
