"""Two scans are registered: known motions are found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.followup.local_match import local_match
from nodulus.app.followup.matching_rule import shipped_matching_rule
from nodulus.app.followup.register import RegisteredScan, register
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion


def chest(shape=(90, 120, 150), spacing=(3.0, 2.0, 2.0), seed=0) -> RegisteredScan:
    """Two lungs with a texture of their own in a body of water."""
    rng = np.random.default_rng(seed)
    i, r, c = np.indices(shape).astype(np.float32)
    middle = [0.5 * n for n in shape]
    lungs = np.zeros(shape, dtype=bool)
    for side in (0.27, 0.73):
        lungs |= (
            ((i - middle[0]) / (0.38 * shape[0])) ** 2
            + ((r - middle[1]) / (0.33 * shape[1])) ** 2
            + ((c - side * shape[2]) / (0.17 * shape[2])) ** 2
        ) < 1
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 2.0)
    hu = np.where(lungs, -800 + 900 * np.clip(texture / texture.std() - 1, 0, 1), 30)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    # columns run along x, rows along y, slices along z
    affine[:3, :3] = np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    affine[:3, 3] = (-150.0, -120.0, -130.0)
    geometry = Geometry(shape, affine)
    region = LungRegion(lungs, lungs, geometry, (False, False))
    return RegisteredScan(hu.astype(np.int16), geometry, region)


def moved(scan: RegisteredScan, matrix: np.ndarray, step: int = 1) -> RegisteredScan:
    """The scan at another place, with every ``step``-th slice alone."""
    affine = scan.geometry.affine_lps.copy()
    affine[:3, 0] *= step
    hu = scan.hu[::step]
    geometry = Geometry(tuple(hu.shape), matrix @ affine)
    lungs, sides = scan.lungs.search_region[::step], scan.lungs.sides[::step]
    return RegisteredScan(hu, geometry, LungRegion(lungs, sides, geometry, (False, False)))


def motion(degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift
    return matrix


@pytest.mark.parametrize(
    ("degrees", "shift", "step"),
    [(0.0, (0.0, 0.0, 0.0), 1), (4.0, (14.0, -9.0, 33.0), 2), (-6.0, (-20.0, 12.0, -500.0), 1)],
)
def test_a_known_motion_is_found(degrees, shift, step):
    current = chest()
    matrix = motion(degrees, shift)
    registration = register(moved(current, matrix, step), current)
    points = current.geometry.index_to_lps(np.argwhere(current.lungs.search_region)[::200])
    expected = points @ matrix[:3, :3].T + matrix[:3, 3]
    error = np.linalg.norm(registration.to_prior(points) - expected, axis=-1)
    assert error.mean() < 1.5
    assert error.max() < 3.0
    assert registration.lung_dice > 0.9
    np.testing.assert_allclose(
        registration.inverse.to_prior(registration.to_prior(points)), points, atol=1e-6
    )


def test_a_margin_around_one_scans_lungs_changes_nothing():
    current = chest()
    matrix = motion(4.0, (14.0, -9.0, 33.0))
    wide = ndimage.binary_dilation(current.lungs.search_region, iterations=6)
    region = LungRegion(wide, current.lungs.search_region, current.geometry, (False, False))
    prior = moved(RegisteredScan(current.hu, current.geometry, region), matrix)
    plain, other = register(moved(current, matrix), current), register(prior, current)
    assert other.lung_dice == pytest.approx(plain.lung_dice, abs=0.01)
    points = current.geometry.index_to_lps(np.argwhere(current.lungs.search_region)[::500])
    np.testing.assert_allclose(other.to_prior(points), plain.to_prior(points), atol=0.5)


def test_the_same_scans_give_the_same_transform():
    current, prior = chest(), moved(chest(), motion(3.0, (5.0, 5.0, 5.0)))
    first, second = register(prior, current), register(prior, current)
    np.testing.assert_array_equal(first.matrix, second.matrix)


def test_scans_that_are_not_alike_overlap_less():
    current, other = chest(), chest(seed=1)
    upside_down = RegisteredScan(
        other.hu[:, :, :75], Geometry((90, 120, 75), other.geometry.affine_lps),
        LungRegion(other.lungs.search_region[:, :, :75], other.lungs.search_region[:, :, :75],
                   Geometry((90, 120, 75), other.geometry.affine_lps), (False, False)),
    )  # fmt: skip
    assert register(upside_down, current).lung_dice < 0.8


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (7.0, -5.0, 6.0)])
def test_surroundings_are_found_where_the_affine_transform_is_off(shift):
    current = chest()
    registration = register(current, current)
    # the prior scan lies elsewhere by what the affine transform does not know
    prior = moved(current, motion(0.0, shift))
    point = tuple(current.geometry.index_to_lps((45, 60, 40)))
    match = local_match(prior, current, registration, point)
    assert match.accepted
    np.testing.assert_allclose(match.prior_lps_mm, np.add(point, shift), atol=1.5)


def test_surroundings_that_are_not_there_leave_the_affine_place():
    current, prior = chest(seed=0), chest(seed=7)
    registration = register(current, current)
    point = tuple(current.geometry.index_to_lps((45, 60, 40)))
    strict = shipped_matching_rule().model_copy(update={"least_correlation": 0.9})
    match = local_match(prior, current, registration, point, strict)
    assert not match.accepted
    np.testing.assert_allclose(match.prior_lps_mm, point, atol=0.5)
