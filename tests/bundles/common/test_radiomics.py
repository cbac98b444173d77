from __future__ import annotations

import numpy as np
import pytest

from bundles.common.data.rated_crops import RatedCrop
from bundles.common.radiomics import FEATURES, IBSI, radiomics
from bundles.common.size_and_radiomics import RadiomicsModel
from transforms.geometry import Geometry
from transforms.texture_class import TextureRule

RULE = TextureRule(-300, 1.0, 0.06, 0.8, 164)


def ellipsoid(semi_axes_mm, spacing=(1.0, 1.0, 1.0), inside=40.0):
    shape = tuple(2 * round(24 / s) + 1 for s in spacing)
    affine = np.diag([*spacing, 1.0])
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    offset = (index - (np.array(shape) - 1) / 2) * spacing
    mask = np.linalg.norm(offset / np.array(semi_axes_mm), axis=-1) <= 1
    return np.where(mask, inside, -850.0), mask, Geometry(shape, affine)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.0)])
def test_a_sphere_is_as_round_as_it_is(spacing):
    found = radiomics(*ellipsoid((10, 10, 10), spacing), RULE)
    assert tuple(found) == FEATURES
    assert set(IBSI) < set(FEATURES)
    assert np.exp(found["log_volume"]) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    assert 0.85 < found["sphericity"] < 0.97  # voxels have steps, and thick slices high ones
    assert found["elongation"] == pytest.approx(1, abs=0.03)
    assert found["flatness"] == pytest.approx(1, abs=0.03)
    assert found["maximum_3d_diameter_mm"] == pytest.approx(20, abs=max(spacing))
    assert (found["mean_hu"], found["sd_hu"], found["skewness"]) == (40, 0, 0)
    assert (found["shell_mean_hu"], found["shell_sd_hu"]) == (-850, 0)
    assert found["solid_share"] == 1


def test_elongation_and_flatness_are_ratios_of_the_axes():
    found = radiomics(*ellipsoid((6, 9, 15)), RULE)
    assert found["elongation"] == pytest.approx(9 / 15, abs=0.03)
    assert found["flatness"] == pytest.approx(6 / 15, abs=0.03)
    assert found["sphericity"] < radiomics(*ellipsoid((10, 10, 10)), RULE)["sphericity"]


def test_first_order_features_are_those_of_the_mask():
    hu, mask, place = ellipsoid((8, 8, 8))
    values = np.random.default_rng(0).exponential(50, int(mask.sum()))
    hu[mask] = values
    found = radiomics(hu, mask, place, RULE)
    assert found["mean_hu"] == pytest.approx(values.mean())
    assert found["p10_hu"], found["p90_hu"] == pytest.approx(np.percentile(values, [10, 90]))
    assert found["skewness"] == pytest.approx(2, abs=0.4)  # of an exponential distribution


def test_one_voxel_and_a_line_have_values_too():
    hu, mask, place = ellipsoid((1, 1, 1))
    mask[:] = False
    mask[24, 24, 24] = True
    assert all(np.isfinite(list(radiomics(hu, mask, place, RULE).values())))
    mask[24, 24, 20:28] = True
    assert radiomics(hu, mask, place, RULE)["elongation"] == 0


def test_a_box_without_surroundings_is_refused():
    hu, mask, place = ellipsoid((8, 8, 8))
    with pytest.raises(ValueError, match="no room for the shell"):
        radiomics(hu, np.ones_like(mask), place, RULE)


def test_the_regression_learns_what_tells_the_classes_apart():
    rng = np.random.default_rng(0)
    crops = []
    for n in range(16):
        malignant = bool(n % 2)
        hu, mask, _ = ellipsoid((5 + rng.uniform(), 5, 5), inside=60.0 if malignant else -400.0)
        crops.append(RatedCrop(str(n), "P", hu.astype(np.int16), mask, malignant, 10.0))
    model = RadiomicsModel(crops[:10], RULE)
    scores = model.scores(crops[10:])
    assert scores[1::2].min() > 0.8
    assert scores[::2].max() < 0.2
    assert model.weights()["mean_hu"] > 0
    with pytest.raises(ValueError, match="both classes"):
        RadiomicsModel(crops[::2], RULE)
