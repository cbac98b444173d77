"""The border of a nodule runs where its density says, near where the network saw it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nodulus.transforms.density_outline import DensityOutlineRule, density_outline

SPACING = (1.25, 0.7, 0.7)
SHAPE = (33, 59, 59)
RULE = DensityOutlineRule(
    border_share=0.5,
    reach_mm=1.0,
    core_share=0.1,
    background_mm=(1.5, 5.0),
    background_below_hu=-500.0,
    least_background_voxels=20,
    lung_hu=-850.0,
    sure_probability=0.75,
    glass_above_lung_hu=150.0,
    glass_rim_mm=1.5,
    least_contrast_hu=100.0,
)
LUNG_HU = -870.0


def distance_mm(center_mm: tuple[float, float, float] = (20.0, 20.3, 20.1)) -> np.ndarray:
    lines = [np.arange(n) * mm for n, mm in zip(SHAPE, SPACING, strict=True)]
    axes = np.meshgrid(*lines, indexing="ij")
    return np.linalg.norm(np.stack(axes) - np.reshape(center_mm, (3, 1, 1, 1)), axis=0)


def scanned(hu: np.ndarray, blur_mm: float = 0.7, noise_hu: float = 0.0) -> np.ndarray:
    blurred = ndimage.gaussian_filter(hu, [blur_mm / mm for mm in SPACING])
    return blurred + np.random.default_rng(3).normal(0.0, noise_hu, SHAPE)


def seen_as(distance: np.ndarray, radius_mm: float, softness_mm: float = 0.6) -> np.ndarray:
    """Probability that falls across a border at a radius."""
    return 1.0 / (1.0 + np.exp((distance - radius_mm) / softness_mm))


def share_of(drawn: np.ndarray, truth: np.ndarray) -> float:
    return float(drawn.sum() / truth.sum())


@pytest.mark.parametrize("radius_mm", [2.5, 4.0, 8.0])
@pytest.mark.parametrize("own_hu", [30.0, -600.0])
@pytest.mark.parametrize("excess_mm", [0.0, 0.6, 1.2])
def test_the_volume_does_not_depend_on_how_widely_the_network_saw(
    radius_mm: float, own_hu: float, excess_mm: float
) -> None:
    distance = distance_mm()
    truth = distance <= radius_mm
    hu = scanned(np.where(truth, own_hu, LUNG_HU))
    probability = seen_as(distance, radius_mm + excess_mm)
    seen = probability >= 0.25
    drawn = density_outline(hu, probability, seen, SPACING, RULE)
    # A ball of 5 mm that is blurred by 0.7 mm nowhere has its own density.
    assert share_of(drawn, truth) == pytest.approx(1.0, abs=0.25 if radius_mm < 3 else 0.12)
    assert abs(np.log(share_of(drawn, truth))) <= abs(np.log(share_of(seen, truth)))


def test_a_border_that_was_seen_too_near_moves_out_by_no_more_than_the_reach() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 8.0, 30.0, LUNG_HU)
    seen = distance <= 5.0
    drawn = density_outline(hu, np.where(seen, 0.9, 0.0), seen, SPACING, RULE)
    assert distance[drawn].max() == pytest.approx(6.0, abs=0.5)
    wide = density_outline(hu, np.where(seen, 0.9, 0.0), seen, SPACING, replace(RULE, reach_mm=4.0))
    np.testing.assert_array_equal(wide, distance <= 8.0)


def test_ground_glass_around_a_solid_core_belongs_to_the_nodule_where_the_network_is_sure() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 5.5, 20.0, np.where(distance <= 8.0, -620.0, LUNG_HU))
    probability = np.where(distance <= 8.0, 0.9, np.where(distance <= 10.0, 0.3, 0.0))
    drawn = density_outline(hu, probability, probability >= 0.25, SPACING, RULE)
    np.testing.assert_array_equal(drawn, distance <= 8.0)
    unsure = np.where((distance > 5.5) & (distance <= 8.0), 0.6, probability)
    drawn = density_outline(hu, unsure, unsure >= 0.25, SPACING, RULE)
    np.testing.assert_array_equal(drawn, distance <= 5.5)


def test_ground_glass_with_a_small_core_is_drawn_as_ground_glass() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 3.0, 20.0, np.where(distance <= 8.0, -620.0, LUNG_HU))
    probability = np.where(distance <= 10.0, 0.6, 0.0)  # not sure anywhere
    drawn = density_outline(hu, probability, probability >= 0.25, SPACING, RULE)
    np.testing.assert_array_equal(drawn, distance <= 8.0)


def test_a_cavity_is_part_of_the_nodule() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 3.0, -950.0, np.where(distance <= 8.0, 20.0, LUNG_HU))
    probability = np.where(distance <= 8.5, 0.9, 0.0)
    drawn = density_outline(hu, probability, probability >= 0.25, SPACING, RULE)
    assert drawn[distance <= 3.0].all()


def test_another_nodule_beside_it_is_left_alone() -> None:
    distance, beside = distance_mm(), distance_mm((20.0, 20.3, 30.5))
    hu = np.where((distance <= 5.0) | (beside <= 4.0), 20.0, LUNG_HU)
    seen = distance <= 5.4
    drawn = density_outline(hu, np.where(seen, 0.9, 0.0), seen, SPACING, RULE)
    np.testing.assert_array_equal(drawn, distance <= 5.0)


def test_a_vessel_that_enters_is_drawn_no_further_than_the_reach() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 5.0, 20.0, LUNG_HU)
    hu[15:18, 28:31, :] = 20.0
    probability = seen_as(distance, 5.0)
    seen = probability >= 0.25
    drawn = density_outline(hu, probability, seen, SPACING, RULE)
    assert distance[drawn].max() <= distance[seen].max() + RULE.reach_mm + 0.1


def test_noise_does_not_break_ground_glass_into_pieces() -> None:
    distance = distance_mm()
    truth = distance <= 7.0
    hu = scanned(np.where(truth, -620.0, LUNG_HU), noise_hu=60.0)
    probability = seen_as(distance, 7.3)
    drawn = density_outline(hu, probability, probability >= 0.25, SPACING, RULE)
    assert ndimage.label(drawn)[1] == 1
    assert 2 * (drawn & truth).sum() / (drawn.sum() + truth.sum()) > 0.9


@pytest.mark.parametrize(
    ("own_hu", "lung_hu"), [(-790.0, LUNG_HU), (-900.0, LUNG_HU)], ids=["faint", "darker"]
)
def test_what_is_hardly_denser_than_the_lung_stays_as_it_was_seen(
    own_hu: float, lung_hu: float
) -> None:
    distance = distance_mm()
    hu = np.where(distance <= 5.0, own_hu, lung_hu)
    seen = distance <= 5.6
    drawn = density_outline(hu, np.where(seen, 0.9, 0.0), seen, SPACING, RULE)
    np.testing.assert_array_equal(drawn, seen)


def test_without_lung_beside_it_the_usual_density_of_lung_counts() -> None:
    distance = distance_mm()
    hu = np.where(distance <= 5.0, -300.0, -450.0)  # in a consolidation
    seen = distance <= 5.6
    drawn = density_outline(hu, np.where(seen, 0.9, 0.0), seen, SPACING, RULE)
    # Half-way from -850 to -300 HU: what is denser than -575 HU, which here is everything near.
    assert drawn[seen].all()
    assert distance[drawn].max() <= 5.6 + RULE.reach_mm


def test_one_voxel_and_none_at_all() -> None:
    seen = np.zeros(SHAPE, bool)
    hu = np.full(SHAPE, LUNG_HU)
    probability = np.zeros(SHAPE)
    assert not density_outline(hu, probability, seen, SPACING, RULE).any()
    seen[10, 20, 20] = True
    hu[10, 20, 20] = 0.0
    probability[10, 20, 20] = 0.3
    np.testing.assert_array_equal(density_outline(hu, probability, seen, SPACING, RULE), seen)


def at_the_wall() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A nodule at a wall of its density, where lungs are, and what the network sees: wall too."""
    distance = distance_mm()
    lungs = np.broadcast_to((np.arange(SHAPE[1]) * SPACING[1] < 23.0)[None, :, None], SHAPE)
    hu = scanned(np.where((distance <= 6.0) | ~lungs, 40.0, LUNG_HU))
    return hu, lungs, seen_as(distance, 6.5)


def test_the_wall_is_no_part_of_a_nodule() -> None:
    hu, lungs, probability = at_the_wall()
    truth = (distance_mm() <= 6.0) & lungs
    seen = probability >= 0.25
    drawn = density_outline(hu, probability, seen, SPACING, RULE, lungs)
    assert not drawn[~lungs].any()
    assert share_of(drawn, truth) == pytest.approx(1.0, abs=0.1)
    assert share_of(density_outline(hu, probability, seen, SPACING, RULE), truth) > 1.3


def test_where_a_nodule_has_no_contrast_the_wall_is_left_out_as_well() -> None:
    _, lungs, probability = at_the_wall()
    seen = probability >= 0.25
    even = np.full(SHAPE, LUNG_HU)
    drawn = density_outline(even, probability, seen, SPACING, RULE, lungs)
    np.testing.assert_array_equal(drawn, seen & lungs)
