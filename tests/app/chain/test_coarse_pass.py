"""A mass that the network does not know at its own spacing."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from nodulus.app.chain import Analysis, ScanViews, analyse
from nodulus.app.chain.classifiers import CubeClassifier
from nodulus.app.chain.coarse_pass import interpolated
from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import ChainSettings, load_settings
from nodulus.app.result import Finding
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.synthetic_chest import NODULES_LPS, bundle, make_volume

MASSES = load_settings().pipeline.masses

CENTER, RADIUS = np.array([-62.0, -55.0, -5.0]), 28.0


class SmallThings(torch.nn.Module):
    """Logit per voxel: tissue with air around it, eight voxels away; what is larger is not seen."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        around = torch.nn.functional.pad(x, (8,) * 6, mode="replicate")
        x_size, y_size, z_size = x.shape[2:]
        dense = torch.zeros_like(x)
        for i, j, k in ((0, 8, 8), (16, 8, 8), (8, 0, 8), (8, 16, 8), (8, 8, 0), (8, 8, 16)):
            dense += around[..., i : i + x_size, j : j + y_size, k : k + z_size] > 0.4
        return (x - 0.45) * 40 - 20 * (dense - 2).clamp(min=0)


@pytest.fixture(scope="module")
def small_only(models: Models) -> Models:
    return Models(
        bundle("segmentation", SmallThings()),  # type: ignore[arg-type]
        models.nodule,
        models.malignancy,
        models.device,
    )


@pytest.fixture(scope="module")
def with_mass() -> CtVolume:
    volume = make_volume()
    shape = volume.geometry.shape_irc
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    points = volume.geometry.index_to_lps(index)
    hu = volume.hu.copy()
    hu[np.linalg.norm(points - CENTER, axis=-1) <= RADIUS] = 40
    return replace(volume, hu=hu)


def settings_with(chain_settings: ChainSettings, masses: MassSettings | None) -> ChainSettings:
    pipeline = chain_settings.pipeline.model_copy(update={"masses": masses})
    return chain_settings.model_copy(update={"pipeline": pipeline})


def run(volume: CtVolume, models: Models, settings: ChainSettings) -> Analysis:
    return analyse(volume, models, settings)


def test_a_mass_is_one_finding(
    with_mass: CtVolume, small_only: Models, chain_settings: ChainSettings
) -> None:
    before = run(with_mass, small_only, settings_with(chain_settings, None))
    assert not any(f.equivalent_diameter_mm >= RADIUS for f in before.findings)
    after = run(with_mass, small_only, settings_with(chain_settings, MASSES))
    own = [f for f in after.findings if np.linalg.norm(CENTER - f.center_lps_mm) < RADIUS]
    assert len(own) == 1
    (mass,) = own
    assert mass.equivalent_diameter_mm == pytest.approx(2 * RADIUS, rel=0.1)
    assert mass.kind == "mass"
    assert mass.longest_diameter_mm == pytest.approx(2 * RADIUS, rel=0.1)
    assert mass.center_lps_mm == pytest.approx(CENTER, abs=3)
    assert "masses" in after.timings_s


def test_a_mass_is_kept_whatever_the_classifier_says(
    with_mass: CtVolume, small_only: Models, chain_settings: ChainSettings
) -> None:
    settings = settings_with(chain_settings, MASSES)
    nodule = settings.operating_points.nodule.model_copy(update={"threshold": 1.0})
    points = settings.operating_points.model_copy(update={"nodule": nodule})
    found = run(with_mass, small_only, settings.model_copy(update={"operating_points": points}))
    (mass,) = [f for f in found.findings if np.linalg.norm(CENTER - f.center_lps_mm) < RADIUS]
    assert mass.kind == "mass"
    kept = [c for c in found.candidates if c.kept]
    assert mass.id in [c.finding_id for c in kept]
    assert all(c.reason.startswith("kept: a mass that two coarse looks agree on") for c in kept)


def test_a_mass_that_is_not_sure_is_judged_as_a_nodule_is(
    with_mass: CtVolume,
    small_only: Models,
    chain_settings: ChainSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = sys.modules["nodulus.app.chain.analyse"]
    monkeypatch.setattr(module, "sure_masses", lambda *_: frozenset())
    settings = settings_with(chain_settings, MASSES)
    nodule = settings.operating_points.nodule.model_copy(update={"threshold": 1.0})
    points = settings.operating_points.model_copy(update={"nodule": nodule})
    found = run(with_mass, small_only, settings.model_copy(update={"operating_points": points}))
    assert not found.findings
    near = [c for c in found.candidates if np.linalg.norm(CENTER - c.center_lps_mm) < RADIUS]
    assert any(re.match("dropped: nodule probability .* is below 1.000", c.reason) for c in near)


def test_nodules_are_the_same_with_the_coarse_looks(
    volume: CtVolume, small_only: Models, chain_settings: ChainSettings
) -> None:
    before = run(volume, small_only, settings_with(chain_settings, None))
    after = run(volume, small_only, settings_with(chain_settings, MASSES))
    assert len(before.findings) == 2
    # in larger voxels the stand-in takes the corners of the body for masses
    assert nodules(after) == nodules(before)


def nodules(analysis: Analysis) -> list[Finding]:
    """The findings that are no masses, without their ranks."""
    found = [finding for finding in analysis.findings if finding.kind == "nodule"]
    return [finding.model_copy(update={"id": 1}) for finding in found]


def test_a_classifier_sees_a_mass_as_large_as_a_nodule(with_mass: CtVolume, models: Models) -> None:
    scan = ScanViews(with_mass, None, 0.0)
    classifier = models.nodule_classifier
    assert isinstance(classifier, CubeClassifier)
    nodule, mass = NODULES_LPS["big"], tuple(CENTER)
    (plain,) = classifier.rate(scan, [nodule], 1, lambda *_: None)
    scan.set_crop_spacing(mass, 4.0)
    assert classifier.crop(scan, mass).geometry.spacing_irc_mm == pytest.approx((4.0,) * 3)
    assert classifier.crop(scan, nodule).geometry.spacing_irc_mm == pytest.approx((1.0,) * 3)
    both = classifier.rate(scan, [mass, nodule], 1, lambda *_: None, lambda seen: seen >= 0)
    assert both[1] == plain
    alone = ScanViews(with_mass, None, 0.0)
    (own_size,) = classifier.rate(alone, [mass], 1, lambda *_: None)
    assert both[0] != own_size


@pytest.mark.parametrize("shape", [(7, 5, 6), (1, 4, 3)])
def test_interpolation_between_grids_is_scipy_s(shape: tuple[int, int, int]) -> None:
    values = np.random.default_rng(5).random(shape).astype(np.float32)
    turned = np.diag([-4.0, 5.0, 6.0, 1.0])
    turned[:3, 3] = 20.0, -3.0, 8.0
    source = Geometry(shape, turned)
    finer = turned @ np.diag([0.4, 0.3, 0.7, 1.0])
    finer[:3, 3] += 3.0, -8.0, -5.0  # begins before the source and ends behind it
    target = Geometry((30, 30, 30), finer)
    box = slice(2, 30), slice(0, 25), slice(1, 19)
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
    places = np.moveaxis(source.lps_to_index(target.index_to_lps(index)), -1, 0)
    expected = ndimage.map_coordinates(values, places, order=1, mode="nearest")
    found = interpolated(values, source, target, box)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
