"""The chain on a synthetic chest: what it finds, keeps, times and refuses."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain import ChainSettings, Models, analyse
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.volume import CtVolume
from tests.app.chain.turned import turned
from tests.app.synthetic_chest import NODULES_LPS, RADIUS, make_volume


@pytest.fixture(scope="module")
def told() -> list[str]:
    """The steps that `analysis` told of, in order."""
    return []


@pytest.fixture(scope="module")
def analysis(volume: CtVolume, models: Models, chain_settings: ChainSettings, told: list[str]):
    return analyse(volume, models, chain_settings, lambda step, done, total: told.append(step))


def test_both_nodules_are_found_where_they_are_and_ranked(analysis) -> None:
    assert [f.id for f in analysis.findings] == [1, 2]
    for finding, name in zip(analysis.findings, ("big", "small"), strict=True):
        assert finding.center_lps_mm == pytest.approx(NODULES_LPS[name], abs=1.0)
        assert finding.equivalent_diameter_mm == pytest.approx(2 * RADIUS[name], rel=0.15)
        assert finding.mean_hu > -150
        assert finding.texture == "solid"
        assert finding.solid_longest_diameter_mm == pytest.approx(2 * RADIUS[name], abs=1.5)
    assert analysis.findings[0].malignancy_probability > analysis.findings[1].malignancy_probability
    assert [f.laterality for f in analysis.findings] == ["left", "right"]


def test_the_labels_are_the_findings(analysis, volume: CtVolume) -> None:
    assert analysis.labels.shape == volume.hu.shape
    for finding in analysis.findings:
        mask = analysis.labels == finding.id
        assert mask.sum() == finding.voxel_count
        center = volume.geometry.index_to_lps(np.argwhere(mask).mean(axis=0))
        assert center == pytest.approx(finding.center_lps_mm, abs=1e-3)
        assert volume.hu[mask].mean() == pytest.approx(finding.mean_hu)
    assert set(np.unique(analysis.labels)) == {0, 1, 2}


def test_every_candidate_has_a_reason(analysis) -> None:
    kept = [c for c in analysis.candidates if c.kept]
    assert sorted(c.finding_id for c in kept) == [1, 2]
    assert all(c.reason.startswith("kept" if c.kept else "dropped") for c in analysis.candidates)


def test_steps_are_timed_and_progress_is_told(analysis, told: list[str]) -> None:
    assert list(dict.fromkeys(told)) == list(analysis.timings_s)
    assert "segmentation" in analysis.timings_s


@pytest.mark.parametrize(
    ("axes", "flips"), [((0, 1, 2), (0,)), ((2, 0, 1), ()), ((1, 2, 0), (0, 2))]
)
def test_orientation_of_the_array_does_not_matter(
    axes: tuple[int, int, int],
    flips: tuple[int, ...],
    analysis,
    volume: CtVolume,
    models: Models,
    chain_settings: ChainSettings,
) -> None:
    other = analyse(turned(volume, axes, flips), models, chain_settings)
    assert len(other.findings) == len(analysis.findings)
    for a, b in zip(analysis.findings, other.findings, strict=True):
        assert a.center_lps_mm == pytest.approx(b.center_lps_mm, abs=0.5)
        assert a.volume_mm3 == pytest.approx(b.volume_mm3, rel=0.1)
        assert a.malignancy_probability == pytest.approx(b.malignancy_probability, abs=0.05)


def test_thresholds_decide(volume: CtVolume, models: Models, chain_settings: ChainSettings) -> None:
    strict = chain_settings.operating_points.model_copy(
        update={
            "nodule": chain_settings.operating_points.nodule.model_copy(update={"threshold": 1.0})
        }
    )
    result = analyse(volume, models, chain_settings.model_copy(update={"operating_points": strict}))
    assert result.findings == ()
    assert not result.labels.any()
    assert any("below 1.000" in c.reason for c in result.candidates)
    judged = [c for c in result.candidates if c.classifier_probability is not None]
    assert judged
    for c in judged:
        low, high = sorted((c.segmentation_probability, c.classifier_probability))
        assert low - 1e-3 <= c.nodule_probability <= high + 1e-3


def test_no_lungs_is_said(models: Models, chain_settings: ChainSettings) -> None:
    volume = make_volume()
    head = CtVolume(np.maximum(volume.hu, 0), volume.geometry, "1.2.9", None, "mhd")
    with pytest.raises(NodulusError) as error:
        analyse(head, models, chain_settings)
    assert error.value.code is ErrorCode.NO_LUNGS
    assert "1.2.9" in str(error.value)
