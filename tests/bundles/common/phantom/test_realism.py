import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bundles.common.phantom.compare import draw, histogram_distance_hu, matched_recipe, table
from bundles.common.phantom.dataset import make_one
from bundles.common.phantom.realism import FREQUENCIES, HISTOGRAM_HU, measure, noise_power
from bundles.common.phantom.recipe import PhantomRecipe
from transforms.geometry import Geometry

MIDDLES = 0.5 * (FREQUENCIES[1:] + FREQUENCIES[:-1])


def noise(rng, sigma):
    hu = np.stack([gaussian_filter(p, sigma) for p in rng.standard_normal((6, 160, 160))])
    return np.round(hu * (40.0 / hu.std())).astype(np.int16)


def test_noise_power_tells_white_from_smooth(rng):
    where, zero = np.ones((6, 160, 160), bool), np.zeros((6, 160, 160), np.float32)
    white = noise_power(noise(rng, 0), zero, where, 0.7, rng)
    soft = noise_power(noise(rng, 1.0), zero, where, 0.7, rng)
    assert white["deviation_hu"] == pytest.approx(40.0, rel=0.05)
    assert soft["mean_frequency"] < 0.6 * white["mean_frequency"]
    inside = np.array(white["power"])[(MIDDLES > 0.1) & (MIDDLES < 0.7)]
    assert inside.std() < 0.15 * inside.mean()
    assert abs(white["next_slice"]) < 0.05


def test_next_slices_that_are_alike_are_found(rng):
    hu = np.repeat(noise(rng, 0)[:3], 2, axis=0)
    ones = np.ones(hu.shape, bool)
    found = noise_power(hu, ones.astype(np.float32), ones, 0.7, rng)["next_slice"]
    assert 0.3 < found < 0.85


def test_histogram_distance_is_the_shift():
    a, b = np.zeros(len(HISTOGRAM_HU) - 1), np.zeros(len(HISTOGRAM_HU) - 1)
    a[20], b[25] = 1.0, 1.0
    assert histogram_distance_hu(a, b) == pytest.approx(50.0)
    assert histogram_distance_hu(a, a) == 0.0


def test_a_phantom_is_measured_and_drawn(small_plan, tmp_path, rng):
    study = make_one(small_plan, 0)
    result = measure(study.hu, study.geometry, rng, blocks=3)
    assert 1.5 < result["lung_litres"] < 8.0
    assert -950 < result["percentiles_hu"]["50"] < -740
    assert sum(result["histogram"]) == pytest.approx(1.0, abs=1e-3)
    assert 0.0 <= sum(result["tube_share_by_size"]) < 0.3
    case = {"name": "small", "real": result, "phantoms": [result]}
    case["histogram_distance_hu"] = [0.0]
    lines = table({"cases": [case]}).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    median = f"{result['percentiles_hu']['50']:.0f}"
    assert f"| median of the lungs, HU | {median} | {median} |" in lines
    draw({"cases": [case]}, tmp_path / "realism.png")
    assert (tmp_path / "realism.png").read_bytes().startswith(b"\x89PNG")


def test_a_matched_recipe_has_the_scans_protocol():
    real = {
        "spacing_mm": [2.5, 0.8, 0.8],
        "noise_tissue": {"deviation_hu": 33.0, "mean_frequency": 0.5},
    }
    scanner = matched_recipe(PhantomRecipe(), real, 512).scanner
    assert scanner.slice_spacings == (2.5,)
    assert scanner.pixel_spacing_512 == (0.8, 0.8)
    assert scanner.sharp_probability == 1.0
    assert matched_recipe(PhantomRecipe(), real, 512).infiltrates.probability == 0.0
    # The scanner takes off what slices thicker than 2 mm average.
    assert np.multiply(scanner.sharp_noise_hu, (2.0 / 2.5) ** 0.5) == pytest.approx([33.0, 33.0])


def test_there_must_be_lungs(rng):
    with pytest.raises(ValueError, match="no lungs"):
        measure(np.full((20, 40, 40), -1000, np.int16), Geometry((20, 40, 40), np.eye(4)), rng)
