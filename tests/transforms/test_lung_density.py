"""The share of emphysema in the lungs."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_density import low_attenuation_share
from nodulus.transforms.lung_region import LungRegion


def scan(step: int):
    """A block of lung on a grid ``step`` times as fine as that of its mask."""
    coarse = Geometry((20, 20, 20), np.diag([3.0, 3.0, 3.0, 1.0])[[2, 1, 0, 3]])
    lungs = np.zeros(coarse.shape_irc, bool)
    lungs[4:16, 4:16, 4:16] = True
    affine = coarse.affine_lps.copy()
    affine[:3, :3] /= step
    fine = Geometry(tuple(n * step for n in coarse.shape_irc), affine)
    region = LungRegion(lungs, lungs.astype(np.uint8), coarse, (False, False))
    hu = np.full(fine.shape_irc, -860, np.int16)
    return hu, fine, region


@pytest.mark.parametrize("step", [1, 3])
def test_the_share_below_the_limit_is_that_of_the_lungs_alone(step) -> None:
    hu, geometry, lungs = scan(step)
    hu[: 7 * step] = -980  # three of the twelve levels of the lungs, and air outside of them
    assert low_attenuation_share(hu, geometry, lungs, -950.0) == pytest.approx(0.25, abs=0.09)
    assert low_attenuation_share(hu * 0 - 860, geometry, lungs, -950.0) == 0.0


def test_single_voxels_are_not_averaged() -> None:
    hu, geometry, lungs = scan(3)
    noise = np.random.default_rng(0).random(hu.shape) < 0.3
    hu[noise] = -1000
    assert low_attenuation_share(hu, geometry, lungs, -950.0) == pytest.approx(0.3, abs=0.04)


def test_without_lungs_there_is_no_share() -> None:
    hu, geometry, lungs = scan(1)
    nothing = LungRegion(lungs.search_region, lungs.sides * 0, lungs.geometry, (False, False))
    assert low_attenuation_share(hu, geometry, nothing, -950.0) is None
