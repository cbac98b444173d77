"""Lungs in synthetic chests: what is lung, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lungs import coarsen, find_lungs
from tests.transforms.chest import SPACING, chest


def test_both_lungs_and_the_nodule_on_the_pleura_are_inside() -> None:
    hu, geometry, parts = chest()
    region = find_lungs(hu, geometry)
    assert region is not None
    mask = region.on(geometry)
    assert mask[parts["lungs"]].mean() > 0.99
    assert mask[parts["nodule"]].mean() > 0.9
    assert mask.sum() < 1.5 * parts["lungs"].sum()
    aerated = parts["lungs"].sum() - parts["nodule"].sum()
    assert region.volume_ml == pytest.approx(aerated * SPACING**3 / 1000, rel=0.1)
    assert region.touches_ends == (False, False)
    assert not region.touches_sides


def test_table_foam_and_bowel_gas_are_not_lung() -> None:
    hu, geometry, parts = chest(gas=True)
    region = find_lungs(hu, geometry)
    assert region is not None
    mask = region.on(geometry)
    assert not mask[:, 112:].any()
    assert mask[parts["gas"]].mean() < 0.2


def gas_beside_a_lung(hu: np.ndarray, height: int) -> np.ndarray:
    """Put a pocket of gas between the lungs, with a narrow way into one; returns the pocket."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in hu.shape), indexing="ij")
    pocket = ((x - 80) / 15) ** 2 + ((y - 60) / 20) ** 2 + ((z - height) / 13) ** 2 <= 1
    hu[pocket] = -990
    hu[height - 2 : height + 2, 58:62, 90:110] = -990
    # A small loop hangs on it, too small to be judged as gas.
    loop = (x - 80) ** 2 + (y - 90) ** 2 + (z - height) ** 2 <= 7**2
    hu[loop] = -990
    hu[height - 2 : height + 2, 75:90, 78:82] = -990
    return np.asarray(pocket | loop)


@pytest.mark.parametrize("flip_z", [False, True])
def test_bowel_gas_that_a_thin_diaphragm_joins_to_a_lung_is_not_lung(flip_z: bool) -> None:
    hu, geometry, parts = chest(flip_z=flip_z)
    low = 85 if flip_z else 14
    pocket = gas_beside_a_lung(hu, low)
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.aerated[pocket].mean() < 0.02
    assert region.on(geometry)[parts["lungs"]].mean() > 0.99


def test_an_empty_part_of_the_upper_lung_stays_lung() -> None:
    hu, geometry, _ = chest()
    pocket = gas_beside_a_lung(hu, 85)
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.aerated[pocket].mean() > 0.9


def test_a_field_of_view_that_cuts_the_chest_wall_does_no_harm() -> None:
    hu, geometry, parts = chest(cut_left_wall=True)
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.on(geometry)[parts["lungs"]].mean() > 0.97


@pytest.mark.parametrize("outside_hu", [-2000, -1024])
@pytest.mark.parametrize("table", [False, True])
def test_a_round_field_of_view_within_the_lungs_leaves_none_of_them_out(
    outside_hu: int, table: bool
) -> None:
    hu, geometry, parts = chest(table=table)
    y, x = np.meshgrid(np.arange(130), np.arange(160), indexing="ij")
    outside = (x - 80) ** 2 + (y - 60) ** 2 > 45**2  # the lungs reach to 52
    hu[:, outside] = outside_hu
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.touches_sides
    mask = region.on(geometry)
    seen = parts["lungs"] & ~outside
    assert seen.sum() < 0.97 * parts["lungs"].sum()
    assert mask[seen].mean() > 0.99
    assert mask.sum() < 1.5 * seen.sum()


def test_a_square_field_of_view_within_the_lungs_leaves_none_of_them_out() -> None:
    hu, geometry, parts = chest(table=False)
    cut = (slice(None), slice(35, 85), slice(34, 126))  # all four sides of each lung
    region = find_lungs(hu[cut], geometry.cropped((0, 35, 34), (100, 50, 92)))
    assert region is not None
    assert region.touches_sides
    mask = region.on(region.geometry)
    assert mask[parts["lungs"][cut]].mean() > 0.97


def test_direction_of_the_slices_does_not_matter() -> None:
    hu, geometry, parts = chest(flip_z=True)
    region = find_lungs(hu, geometry)
    assert region is not None
    assert region.on(geometry)[parts["lungs"]].mean() > 0.99


def test_a_sagittal_stack_gives_the_same_region() -> None:
    hu, geometry, parts = chest()
    axes = (2, 0, 1)
    affine = geometry.affine_lps.copy()
    affine[:3, :3] = affine[:3, axes]
    turned = Geometry(tuple(hu.shape[a] for a in axes), affine)
    region, other = find_lungs(hu, geometry), find_lungs(hu.transpose(axes), turned)
    assert region is not None
    assert other is not None
    mask = other.on(turned)
    np.testing.assert_array_equal(mask, region.on(geometry).transpose(axes))
    assert mask[parts["lungs"].transpose(axes)].mean() > 0.99


def test_no_lungs_no_region() -> None:
    solid = np.full((40, 60, 60), 40, np.int16)
    assert find_lungs(solid, Geometry(solid.shape, np.diag([2.5, 2.5, 2.5, 1]))) is None
    air = np.full((40, 60, 60), -1000, np.int16)
    assert find_lungs(air, Geometry(air.shape, np.diag([2.5, 2.5, 2.5, 1]))) is None


@pytest.mark.real_data
def test_the_mass_on_the_diaphragm_is_inside(real_ct: Path) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(real_ct / "C3N-00247")))
    image = reader.Execute()
    geometry = Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    region = find_lungs(sitk.GetArrayFromImage(image), geometry)
    assert region is not None
    assert region.at(np.array([-83.0, -192.0, -195.0]))
    assert 3000 < region.volume_ml < 6000


@pytest.mark.parametrize("shape", [(21, 67, 66), (2, 40, 41), (1, 3, 2)])
def test_blocks_are_averaged(shape: tuple[int, int, int]) -> None:
    hu = np.random.default_rng(7).integers(-32768, 32767, shape).astype(np.int16)
    geometry = Geometry(shape, np.diag([0.7, 0.7, 1.25, 1.0])[[0, 1, 2, 3]][:, [2, 1, 0, 3]])
    coarse, grid = coarsen(hu, geometry, SPACING)
    f = [max(1, n // m) for n, m in zip(shape, coarse.shape, strict=True)]
    cut = hu[tuple(slice(n * k) for n, k in zip(coarse.shape, f, strict=True))]
    i, r, c = coarse.shape
    blocks = cut.reshape(i, f[0], r, f[1], c, f[2])
    assert np.array_equal(coarse, blocks.mean(axis=(1, 3, 5), dtype=np.float64).astype(np.float32))
    assert grid.shape_irc == coarse.shape
