"""What is searched holds masses and consolidated lobes, and not much else."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.lungs import find_lungs
from tests.transforms.chest import SPACING, chest

RADIUS = 30 / SPACING
"""Of a mass of 60 mm."""

PLACES = {
    # (z, y, x) of the middle, in the right lung, which is centred at (50, 60, 50)
    "at the pleura, at the side": (50, 60, 34),
    "at the pleura, behind": (50, 84, 50),
    "at the pleura, in front": (50, 36, 50),
    "at the mediastinum": (50, 60, 66),
    "at the diaphragm": (18, 60, 50),
    "at the apex": (84, 60, 50),
    "within the lung": (50, 60, 50),
}


END_OF_THE_LUNG = ("at the diaphragm", "at the apex")
"""There the mass takes all of the lung's tip, and its end is a guess by the other lung."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("left", [False, True])
def test_a_mass_of_60_mm_is_searched(place: str, left: bool) -> None:
    hu, geometry, parts = chest()
    z, y, x = np.indices(hu.shape)
    middle = list(PLACES[place])
    middle[2] = 160 - middle[2] if left else middle[2]
    mass = (z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2 <= RADIUS**2
    mass &= parts["lungs"]
    assert mass.sum() * SPACING**3 > 0.5 * 4 / 3 * np.pi * 30**3
    before = find_lungs(hu, geometry)
    hu[mass] = 40
    region = find_lungs(hu, geometry)
    assert before is not None
    assert region is not None
    assert region.search_region[mass].mean() > (0.88 if place in END_OF_THE_LUNG else 0.99)
    assert not region.aerated[mass].any()
    assert region.search_region.sum() < 1.1 * before.search_region.sum()


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("hu_of_it", [30, -300])
def test_a_consolidated_lower_lobe_is_searched(left: bool, hu_of_it: int) -> None:
    hu, geometry, parts = chest()
    z, y, x = np.indices(hu.shape)
    height, depth = (z - 10) / 80, (y - 28) / 64
    lobe = parts["lungs"] & (height < 0.15 + 0.5 * depth) & ((x > 80) == left)
    noise = np.random.default_rng(2).normal(hu_of_it, 15, hu.shape)
    hu[lobe] = noise[lobe]
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.search_region[lobe].mean() > 0.93
    assert region.search_region.sum() < 1.5 * parts["lungs"].sum()


def test_a_lung_that_is_full_is_searched() -> None:
    hu, geometry, parts = chest()
    _, y, x = np.indices(hu.shape)
    full = parts["lungs"] & (x > 80)
    hu[full] = 30
    hu[(abs(x - 80) < 6) & (abs(y - 95) < 10)] = 400  # a spine, which tells the middle
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.left_ml == 0
    assert region.search_region[full].mean() > 0.85


def test_a_higher_diaphragm_is_not_searched() -> None:
    hu, geometry, parts = chest()
    z, y, x = np.indices(hu.shape)
    dome = parts["lungs"] & (x < 80) & (z < 34 - 18 * np.clip((y - 60) / 32, -1, 1))
    hu[dome] = 60
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.search_region[dome].mean() < 0.5
