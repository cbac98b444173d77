"""Outlines of masses follow the density at the lung and the probability at tissue."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.transforms.mass_outline import MassOutlineRule, outline_mass

SIZE, RADIUS = 90, 25
RULE = MassOutlineRule(lung_hu=-850.0, core_probability=0.5, opening_mm=2.0)


@pytest.fixture(scope="module")
def distance() -> np.ndarray:
    axes = np.meshgrid(*[np.arange(SIZE) - SIZE / 2] * 3, indexing="ij")
    return np.linalg.norm(np.stack(axes), axis=0)


def seen(distance: np.ndarray, radius: float) -> np.ndarray:
    """As a look in voxels of 4 mm shows it: blurred, and off by a voxel."""
    return ndimage.gaussian_filter((distance <= radius).astype(np.float32), 3.0)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.mark.parametrize("own_hu", [40.0, -550.0])
@pytest.mark.parametrize("coarse_radius", [RADIUS - 3, RADIUS + 4])
def test_the_border_to_the_lung_follows_the_density(
    distance: np.ndarray, own_hu: float, coarse_radius: float
) -> None:
    truth = distance <= RADIUS
    hu = np.where(truth, own_hu, -850.0)
    probability = seen(distance, coarse_radius)
    drawn = outline_mass(hu, probability, 1.0, threshold=0.25, reach_mm=4.0, rule=RULE)
    assert dice(drawn, truth) > 0.97
    assert dice(drawn, truth) > dice(probability >= 0.25, truth)


def test_the_border_to_tissue_follows_the_probability(distance: np.ndarray) -> None:
    ball = distance <= RADIUS
    hu = np.where(ball, 40.0, -850.0)
    hu[SIZE // 2 + 10 :] = 50.0  # the chest wall
    drawn = outline_mass(hu, seen(distance, RADIUS), 1.0, threshold=0.25, reach_mm=4.0, rule=RULE)
    assert dice(drawn, ball) > 0.93
    beyond = drawn[SIZE // 2 + RADIUS + 6 :]
    assert not beyond.any()


def test_vessels_that_enter_are_cut_off(distance: np.ndarray) -> None:
    ball = distance <= RADIUS
    hu = np.where(ball, 40.0, -850.0)
    middle = SIZE // 2
    hu[middle - 1 : middle + 2, middle - 1 : middle + 2, :] = 40.0
    drawn = outline_mass(
        hu, seen(distance, RADIUS + 6), 1.0, threshold=0.1, reach_mm=4.0, rule=RULE
    )
    assert drawn[middle, middle, middle + RADIUS - 3]
    assert not drawn[middle, middle, middle + RADIUS + 5]


def test_holes_are_filled_and_nothing_gives_nothing(distance: np.ndarray) -> None:
    hu = np.where(distance <= RADIUS, 40.0, -850.0)
    hu[distance <= 5] = -950.0
    drawn = outline_mass(hu, seen(distance, RADIUS), 1.0, threshold=0.25, reach_mm=4.0, rule=RULE)
    assert drawn[SIZE // 2, SIZE // 2, SIZE // 2]
    nothing = np.zeros_like(hu)
    assert not outline_mass(hu, nothing, 1.0, threshold=0.25, reach_mm=4.0, rule=RULE).any()
