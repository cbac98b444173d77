"""A detector and a classifier on the scanner's own grid, through the whole chain."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nodulus.app.chain import ChainSettings, Models, ScanViews, ScoredCandidates, analyse
from nodulus.app.chain.native_space import to_native_space
from nodulus.app.chain.score_candidates import score_candidates
from nodulus.app.volume import CtVolume
from nodulus.transforms.lungs import find_lungs
from tests.app.chain.turned import turned
from tests.app.synthetic_chest import NODULES_LPS, MiddleMean, bundle

THING_LPS = (-140.0, -150.0, 0.0)
"""In the air beside the patient."""

WINDOW = (-1000.0, 1000.0)


class SoftTissue(torch.nn.Module):
    """Logit a pixel: what is dense in the middle slice and has air around it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1] == 5
        around = torch.nn.functional.avg_pool2d(x[:, 2:3], 25, 1, 12, count_include_pad=False)
        return torch.where(around < -400, x[:, 2:3] + 400, x[:, 2:3] * 0 - 900) / 100


class Denser(torch.nn.Module):
    """Two classes' logits a crop, by how dense its middle is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        middle = x[:, 0, 8, 12, 12]
        return torch.stack([-middle, middle + 800], dim=1) / 200


def native(name: str, network: torch.nn.Module, **kind: object) -> object:
    made = bundle(name, network)
    vars(made).update(window_hu=WINDOW, input_range=WINDOW, **kind)
    return made


@pytest.fixture(scope="module")
def native_models() -> Models:
    return Models(
        native("segmentation", SoftTissue(), input_kind="native_slices", slices=5),  # type: ignore[arg-type]
        native("nodule", Denser(), input_kind="native_crop", crop_size=(16, 24, 24)),  # type: ignore[arg-type]
        bundle("malignancy", MiddleMean()),  # type: ignore[arg-type]
        torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def native_settings(chain_settings: ChainSettings) -> ChainSettings:
    update = {
        "erosions": 1,
        "segmentation_share": 0.0,
        "merge_gap_mm": None,
        "max_candidates": 5000,
    }
    return chain_settings.model_copy(
        update={"pipeline": chain_settings.pipeline.model_copy(update=update)}
    )


@pytest.mark.parametrize(("axes", "flips"), [((0, 1, 2), ()), ((1, 2, 0), (0, 2))])
def test_nodules_are_found_whatever_the_orientation(
    axes: tuple[int, int, int],
    flips: tuple[int, ...],
    volume: CtVolume,
    native_models: Models,
    native_settings: ChainSettings,
) -> None:
    result = analyse(turned(volume, axes, flips), native_models, native_settings)
    assert len(result.findings) == 2
    for finding, name in zip(result.findings, ("big", "small"), strict=True):
        assert finding.center_lps_mm == pytest.approx(NODULES_LPS[name], abs=1.0)
        assert finding.nodule_probability > 0.9
    assert [f.laterality for f in result.findings] == ["left", "right"]


def test_the_native_view_is_the_patient_in_one_order(volume: CtVolume) -> None:
    straight = to_native_space(volume)
    assert np.shares_memory(straight.hu, volume.hu)
    assert straight.geometry.almost_equal(volume.geometry)
    view = to_native_space(turned(volume, (1, 2, 0), (0, 2)))
    assert np.array_equal(view.hu, volume.hu)
    assert view.geometry.almost_equal(volume.geometry)


def test_everywhere_finds_what_lies_outside_the_lungs_too(
    volume: CtVolume, native_models: Models, native_settings: ChainSettings
) -> None:
    hu = volume.hu.copy()
    i, r, c = (
        slice(n - 3, n + 4) for n in volume.geometry.lps_to_index(THING_LPS).round().astype(int)
    )
    hu[i, r, c] = 40
    other = CtVolume(hu, volume.geometry, "1.2.3", "1.2", "mhd")
    lungs = find_lungs(hu, volume.geometry)
    inside = score_candidates(ScanViews(other, lungs, 24.0), native_models, native_settings)
    outside = score_candidates(ScanViews(other, None, 24.0), native_models, native_settings)

    def nearest_mm(found: ScoredCandidates) -> float:
        centers = np.array([c.center_mm for c in found.candidates])
        return float(np.linalg.norm(centers - THING_LPS, axis=1).min())

    assert nearest_mm(outside) < 1.5
    assert nearest_mm(inside) > 10
    # the whole chain does the same where the settings say so
    pipeline = native_settings.pipeline.model_copy(update={"search": "volume"})
    nodule = native_settings.operating_points.nodule.model_copy(update={"threshold": 1.0})
    points = native_settings.operating_points.model_copy(update={"nodule": nodule})
    settings = ChainSettings(pipeline=pipeline, operating_points=points)
    centers = {c.center_lps_mm for c in analyse(other, native_models, settings).candidates}
    assert {c.center_mm for c in outside.candidates} <= centers


def test_neighbours_beyond_the_ends_are_the_end_slices() -> None:
    from nodulus.app.chain.segment_slices import segment_slices

    class Sum(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.logit(x.sum(dim=1, keepdim=True) / 100)

    hu = np.arange(1, 7, dtype=np.int16)[:, None, None] * np.ones((1, 4, 5), np.int16)
    result = segment_slices(
        hu,
        (slice(0, 5), slice(1, 4), slice(0, 2)),
        [0, 1, 4],
        Sum(),
        slices=3,
        window_hu=(0.0, 5.0),
        input_range=(0.0, 5.0),
        batch=2,
        device=torch.device("cpu"),
    )
    assert result.shape == (5, 3, 2)
    sums = [1 + 1 + 2, 1 + 2 + 3, 0, 0, 4 + 5 + 5]
    assert result[:, 0, 0] * 100 == pytest.approx(sums, abs=1e-3)


def test_a_bundle_in_the_wrong_place_is_named(native_models: Models) -> None:
    wrong = Models(
        native_models.nodule,
        native_models.nodule,
        native_models.malignancy,
        torch.device("cpu"),
    )
    with pytest.raises(ValueError, match=r"native_crop.*isotropic_patches or native_slices"):
        wrong.check()
