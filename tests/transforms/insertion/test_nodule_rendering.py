"""Rendered nodules have volume, density and texture as asked."""

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.nodule_rendering import render_nodule


def ball_sdf(radius_mm, spacing_mm=0.5):
    half = int((radius_mm + 5) / spacing_mm)
    axis = np.arange(-half, half + 1) * spacing_mm
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return (np.sqrt(x**2 + y**2 + z**2) - radius_mm).astype(np.float32)


def ellipsoid_sdf(rx, ry, rz):
    axis = np.arange(-30, 31) * 0.5
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return ((np.sqrt((x / rx) ** 2 + (y / ry) ** 2 + (z / rz) ** 2) - 1) * min(rx, ry, rz)).astype(
        np.float32
    )


def grid(spacing=(1.25, 0.7, 0.7), shape=(40, 64, 64)):
    affine = np.array(
        [[0, 0, spacing[2], -22], [0, spacing[1], 0, 7], [spacing[0], 0, 0, -500], [0, 0, 0, 1.0]]
    )
    return Geometry(shape, affine)


def render(hu, geometry, sdf, seed=0, **options):
    center = geometry.index_to_lps([n / 2 for n in geometry.shape_irc])
    return render_nodule(hu, geometry, sdf, 0.5, center, rng=np.random.default_rng(seed), **options)


def lung(geometry, hu=-850.0):
    return np.full(geometry.shape_irc, hu, dtype=np.float32)


@pytest.mark.parametrize("spacing", [(1.25, 0.7, 0.7), (2.5, 0.6, 0.9), (0.5, 0.5, 0.5)])
def test_the_mask_has_the_volume_of_the_shape(spacing):
    shape = tuple(int(40 / s) for s in spacing)
    geometry = grid(spacing, shape)
    rendered = render(lung(geometry), geometry, ball_sdf(6.0))
    volume = rendered.mask.sum() * geometry.voxel_volume_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.04)


def test_a_large_solid_nodule_has_the_density_of_tissue():
    geometry = grid()
    rendered = render(lung(geometry), geometry, ball_sdf(9.0), texture=5)
    middle = rendered.hu[tuple(n // 2 for n in rendered.hu.shape)]
    assert -80 < middle < 100
    assert np.all(rendered.hu >= -850)


def test_small_nodules_are_fainter_by_partial_volume():
    geometry = grid((2.5, 0.7, 0.7), (20, 64, 64))
    peaks = [
        np.mean([render(lung(geometry), geometry, ball_sdf(r), seed).hu.max() for seed in range(6)])
        for r in (1.5, 2.5, 8.0)
    ]
    assert peaks[0] < peaks[1] - 80 < peaks[2]


def test_textures_are_in_their_order():
    geometry = grid()
    means = []
    for texture in (1, 3, 4, 5):
        parts = [
            render(lung(geometry), geometry, ball_sdf(7.0), seed, texture=texture)
            for seed in range(4)
        ]
        means.append(np.mean([p.hu[p.mask].mean() for p in parts]))
    assert means == sorted(means)
    assert -760 < means[0] < -500
    assert means[3] > -250


def test_calcium_is_brighter_than_tissue():
    geometry = grid()
    for kind in (1, 2, 3, 4, 5):
        calcified = render(lung(geometry), geometry, ball_sdf(7.0), calcification=kind)
        assert calcified.hu.max() > 140
    assert render(lung(geometry), geometry, ball_sdf(7.0), calcification=6).hu.max() < 130


def test_a_tiny_nodule_gets_a_voxel():
    geometry = grid((5.0, 0.9, 0.9), (10, 64, 64))
    rendered = render(lung(geometry), geometry, ball_sdf(0.6), scale=0.9)
    assert rendered.mask.sum() >= 1


def test_the_chest_wall_is_not_darkened():
    geometry = grid()
    hu = lung(geometry)
    hu[:, 34:] = 250.0
    rendered = render(hu, geometry, ball_sdf(7.0))
    assert np.all(rendered.hu[hu[rendered.box] == 250.0] >= 249.0)
    assert rendered.hu[hu[rendered.box] < 0].max() > -100


def test_noise_goes_on_inside():
    geometry = grid()
    noise = np.random.default_rng(5).normal(0, 40, geometry.shape_irc).astype(np.float32)
    rendered = render(lung(geometry) + noise, geometry, ball_sdf(9.0))
    clean = render(lung(geometry), geometry, ball_sdf(9.0))
    core = clean.hu > -60
    spread = (rendered.hu - clean.hu)[core].std()
    assert 25 < spread < 45


def test_rotation_turns_the_shape_in_the_patients_axes():
    geometry = grid((1.0, 1.0, 1.0), (40, 40, 40))
    sdf = ellipsoid_sdf(9.0, 4.0, 4.0)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    straight = render(lung(geometry), geometry, sdf).mask
    turned = render(lung(geometry), geometry, sdf, rotation=quarter).mask

    def extent(mask, axis):
        return np.ptp(np.argwhere(mask)[:, axis])

    assert extent(straight, 2) > 1.8 * extent(straight, 1)
    assert extent(turned, 1) > 1.8 * extent(turned, 2)


def test_the_same_place_in_a_flipped_volume():
    geometry = grid((1.0, 1.0, 1.0), (40, 40, 40))
    affine = geometry.affine_lps.copy()
    affine[:3, 2] *= -1
    affine[:3, 3] += geometry.affine_lps[:3, 2] * 39
    flipped = Geometry(geometry.shape_irc, affine)
    center = geometry.index_to_lps([20, 15, 24])
    sdf = ellipsoid_sdf(8.0, 5.0, 3.0)
    masks = []
    for place in (geometry, flipped):
        rng = np.random.default_rng(0)
        rendered = render_nodule(lung(place), place, sdf, 0.5, center, rng=rng)
        whole = np.zeros(place.shape_irc, dtype=bool)
        whole[rendered.box] = rendered.mask
        masks.append(whole)
    np.testing.assert_array_equal(masks[0], masks[1][:, :, ::-1])


def test_spicules_lie_outside_the_mask():
    geometry = grid()
    plain = render(lung(geometry), geometry, ball_sdf(6.0))
    spiky = render(lung(geometry), geometry, ball_sdf(6.0), spiculation=5)
    assert plain.mask.sum() == spiky.mask.sum()
    assert spiky.hu.size > plain.hu.size
    # A seed draws another border with strands than without, so over many.
    dense = [
        sum(
            (render(lung(geometry), geometry, ball_sdf(6.0), s, spiculation=grade).hu > -700).sum()
            for s in range(12)
        )
        for grade in (1, 5)
    ]
    assert dense[1] > 1.15 * dense[0]


@pytest.mark.parametrize(("radius_mm", "low", "high"), [(2.5, -0.6, -0.1), (8.0, -0.3, 0.1)])
def test_outlines_run_outside_small_nodules_and_along_large_ones(radius_mm, low, high):
    geometry = grid((0.5, 0.5, 0.5), (50, 50, 50))
    index = np.indices(geometry.shape_irc).reshape(3, -1)
    distance = np.linalg.norm(0.5 * (index - 25.0).T, axis=1) - radius_mm
    borders = []
    for seed in range(6):
        rendered = render(lung(geometry), geometry, ball_sdf(radius_mm), seed)
        hu = lung(geometry)
        hu[rendered.box] = rendered.hu
        half = (hu.ravel()[distance < -1.5].mean() - 850.0) / 2
        steps = np.arange(-1.5, 1.01, 0.1)
        shells = [np.mean(hu.ravel()[np.abs(distance - d) < 0.15]) for d in steps]
        borders.append(np.interp(-half, -np.array(shells), steps))
    assert low < np.mean(borders) < high


def test_small_solid_nodules_differ_more_in_density_than_large_ones():
    geometry = grid((1.0, 0.7, 0.7), (40, 64, 64))
    spread, middle = [], []
    for radius_mm in (3.0, 9.0):
        inside = []
        for seed in range(16):
            rendered = render(lung(geometry), geometry, ball_sdf(radius_mm), seed)
            centre = np.argwhere(rendered.mask).mean(axis=0).round().astype(int)
            inside.append(rendered.hu[tuple(slice(c - 1, c + 2) for c in centre)].mean())
        spread.append(np.std(inside))
        middle.append(np.mean(inside))
    assert spread[0] > 80 > 2 * spread[1]
    assert -350 < middle[0] < -120 < middle[1]


def test_the_same_seed_gives_the_same_nodule():
    geometry = grid()
    first, second = (
        render(lung(geometry), geometry, ball_sdf(5.0), 3, texture=3, spiculation=4)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.hu, second.hu)


def test_the_volume_itself_is_untouched_and_edges_are_cut():
    geometry = grid()
    hu = lung(geometry)
    rendered = render_nodule(
        hu,
        geometry,
        ball_sdf(6.0),
        0.5,
        geometry.index_to_lps([0, 0, 0]),
        rng=np.random.default_rng(0),
    )
    assert np.all(hu == -850)
    assert rendered.hu.shape == hu[rendered.box].shape == rendered.mask.shape
    assert rendered.mask[0, 0, 0]


def test_bad_arguments_are_named():
    geometry = grid()
    with pytest.raises(ValueError, match="geometry"):
        render(lung(geometry)[1:], geometry, ball_sdf(3.0))
    with pytest.raises(ValueError, match="orthogonal"):
        render(lung(geometry), geometry, ball_sdf(3.0), rotation=np.eye(3) * 2)
    with pytest.raises(ValueError, match="scale"):
        render(lung(geometry), geometry, ball_sdf(3.0), scale=0.0)
    with pytest.raises(ValueError, match="outside the volume"):
        render_nodule(
            lung(geometry),
            geometry,
            ball_sdf(3.0),
            0.5,
            (900, 0, 0),
            rng=np.random.default_rng(0),
        )


def test_a_cavity_is_air_inside_a_wall_of_the_asked_thickness():
    geometry = grid((0.7, 0.7, 0.7), (64, 64, 64))
    options = {"texture": 5, "margin": 5, "outline_excess_mm": 0.0, "blur_sigma_mm": 0.3}
    noisy = lung(geometry) + np.random.default_rng(5).normal(0, 20, geometry.shape_irc)
    rendered = render(noisy, geometry, ball_sdf(8.0), wall_mm=3.0, **options)
    index = np.argwhere(rendered.mask)
    middle = index.mean(axis=0)
    depth = 8.0 - 0.7 * np.linalg.norm(index - middle, axis=1)
    values = rendered.hu[rendered.mask]
    assert np.median(values[depth > 5.0]) == pytest.approx(-990.0, abs=25)
    assert np.median(values[(depth > 1.0) & (depth < 2.0)]) > -150.0
    assert values[depth > 5.0].std() == pytest.approx(20.0, rel=0.4)  # the noise goes on
    whole = render(noisy, geometry, ball_sdf(8.0), **options)
    np.testing.assert_array_equal(whole.mask, rendered.mask)
    assert np.median(whole.hu[whole.mask]) > -150.0
