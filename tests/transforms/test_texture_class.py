"""Solid, part-solid and ground glass, by density."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.texture_class import Texture, TextureRule, composition, core

RULE = TextureRule(
    solid_hu=-300, border_mm=1.0, part_solid_share=0.06, solid_share=0.8, calcified_hu=164,
    least_core_voxels=8,
)  # fmt: skip
SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (0.6, 0.6, 0.6)]


def geometry(spacing: tuple[float, float, float], edge_mm: float = 40.0) -> Geometry:
    shape = tuple(2 * int(edge_mm / 2 / s) + 1 for s in spacing)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[:, ::-1].T
    return Geometry(shape, affine)


def nodule(
    spacing: tuple[float, float, float], *spheres: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, Geometry]:
    """Spheres (radius mm, HU), the outermost first, blurred as a scanner does; its mask."""
    place = geometry(spacing)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in place.shape_irc], indexing="ij"), -1)
    offset = (index - (np.array(place.shape_irc) - 1) / 2) * spacing
    distance = np.linalg.norm(offset, axis=-1)
    hu = np.full(place.shape_irc, -850.0)
    for radius, density in spheres:
        hu[distance <= radius] = density
    blurred = gaussian_filter(hu, [0.6 / s for s in spacing])
    noise = np.random.default_rng(0).normal(0, 25, hu.shape)
    return (blurred + noise).astype(np.int16), distance <= spheres[0][0], place


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("radius", [3.0, 6.0, 10.0])
def test_a_solid_nodule_is_solid_although_its_rim_is_faint(spacing, radius) -> None:
    hu, mask, place = nodule(spacing, (radius, 40))
    found = composition(hu, mask, place, RULE)
    assert (hu[mask] < -300).any()  # the rim that the core leaves out
    assert (found.texture, found.calcified_share) == (Texture.SOLID, 0.0)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_ground_glass_has_no_solid_part(spacing) -> None:
    found = composition(*nodule(spacing, (8, -600)), RULE)
    assert found.texture is Texture.GROUND_GLASS
    assert found.solid_volume_mm3 == 0
    assert found.solid_longest_diameter_mm is None


@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_solid_part_of_a_part_solid_nodule_is_measured(spacing) -> None:
    found = composition(*nodule(spacing, (10, -600), (5, 40)), RULE)
    assert found.texture is Texture.PART_SOLID
    assert found.solid_volume_mm3 == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.15)
    assert found.solid_longest_diameter_mm == pytest.approx(10, abs=1.0)


def test_calcification_is_a_share_of_the_mask() -> None:
    found = composition(*nodule((1.0, 1.0, 1.0), (8, 40), (4, 600)), RULE)
    assert found.texture is Texture.SOLID
    assert found.calcified_share == pytest.approx(0.5**3, rel=0.25)


def test_another_threshold_gives_another_class() -> None:
    hu, mask, place = nodule((1.0, 1.0, 1.0), (8, -400))
    assert composition(hu, mask, place, RULE).texture is Texture.GROUND_GLASS
    dense = TextureRule(-500, 1.0, 0.06, 0.8, 164, 8)
    assert composition(hu, mask, place, dense).texture is Texture.SOLID


def test_the_core_is_a_millimetre_or_a_voxel_deep_whichever_is_more() -> None:
    place = geometry((2.5, 0.5, 0.5), 20.0)
    mask = np.zeros(place.shape_irc, bool)
    mask[2:7, 10:20, 10:20] = True
    inner = np.argwhere(core(mask, place, 1.0, 8))
    assert inner.min(axis=0).tolist() == [3, 12, 12]
    assert inner.max(axis=0).tolist() == [5, 17, 17]


def test_a_tiny_nodule_keeps_its_deepest_voxels() -> None:
    place = geometry((1.0, 1.0, 1.0), 10.0)
    mask = np.zeros(place.shape_irc, bool)
    mask[3:5, 3:5, 3:5] = True
    assert np.array_equal(core(mask, place, 1.0, 8), mask)
    # a mask that fills its box: beyond the box there is nothing of it
    assert core(np.ones((5, 5, 5), bool), geometry((1.0, 1.0, 1.0), 4.0), 1.0, 8).sum() == 27


def test_nothing_to_measure_is_refused() -> None:
    place = geometry((1.0, 1.0, 1.0), 10.0)
    empty = np.zeros(place.shape_irc, bool)
    with pytest.raises(ValueError, match="empty"):
        composition(np.zeros(empty.shape), empty, place, RULE)
    with pytest.raises(ValueError, match="shapes differ"):
        composition(np.zeros((2, 2, 2)), empty, place, RULE)
