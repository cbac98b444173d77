"""Occlusion sensitivity: what a classifier looks at, at its place in the patient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nodulus.app.chain import ChainSettings, Models, Occlusion, analyse
from nodulus.app.chain.classifiers import CubeClassifier
from nodulus.app.chain.explain import occlusion_sensitivity, summarise
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.explanation import Crop
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.chain.turned import turned
from tests.app.synthetic_chest import NODULES_LPS, Brightness, bundle

PLANTED = (14, 30, 9)
"""The first voxel of the only cube that the planted network looks at."""


class OnePlace(torch.nn.Module):
    """Logit from the brightness of a cube of four voxels in one corner of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b, c = PLANTED
        return 12 * x[:, 0, a : a + 4, b : b + 4, c : c + 4].mean(dim=(1, 2, 3)) - 6


class TwoClasses(torch.nn.Module):
    """The same as logits of 'no' and 'yes'."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        yes = OnePlace()(x)
        return torch.stack([torch.zeros_like(yes), yes], dim=1)


def crop(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), seed: int = 0) -> Crop:
    affine = np.diag([*spacing, 1.0])
    affine[:3, :3] = np.diag([-spacing[0], spacing[1], spacing[2]])
    affine[:3, 3] = (30.0, -70.0, 15.0)
    values = np.random.default_rng(seed).uniform(0.8, 1.0, (40, 40, 32)).astype(np.float32)
    return Crop(values, Geometry(values.shape, affine), (-1000.0, 400.0), (0.0, 1.0))


def sensitivity(network: torch.nn.Module, of: Crop, size_mm: float = 8.0):
    classifier = CubeClassifier(bundle("nodule", network), torch.device("cpu"))  # type: ignore[arg-type]
    return occlusion_sensitivity(
        of, classifier, Occlusion(size_mm), finding_id=1, name="nodule", batch=32
    )


@pytest.mark.parametrize("network", [OnePlace(), TwoClasses()])
def test_only_the_planted_place_counts(network: torch.nn.Module) -> None:
    found = sensitivity(network, crop())
    place = np.zeros(found.fall.shape, bool)
    a, b, c = PLANTED
    place[a : a + 4, b : b + 4, c : c + 4] = True
    assert found.fall[place].min() > 0.2
    # A cover that misses the place changes nothing, and none reaches further than its edge.
    far = np.ones(found.fall.shape, bool)
    far[a - 8 : a + 12, b - 8 : b + 12, c - 8 : c + 12] = False
    assert np.abs(found.fall[far]).max() < 1e-6

    summary = summarise(found, place)
    center = found.geometry.index_to_lps(np.array(PLANTED) + 1.5)
    assert summary.largest_fall_lps_mm == pytest.approx(center, abs=4.0)
    assert summary.largest_fall == pytest.approx(float(found.fall.max()))
    assert summary.share_at_nodule is not None
    assert summary.volume_share_at_nodule is not None
    assert summary.share_at_nodule > 10 * summary.volume_share_at_nodule


def test_a_cover_is_in_millimetres() -> None:
    found = sensitivity(OnePlace(), crop(spacing=(2.0, 1.0, 0.5)), size_mm=8.0)
    assert found.cover_mm == pytest.approx((8.0, 8.0, 8.0))
    reach = np.argwhere(found.fall > 1e-6)
    assert np.all(np.ptp(reach, axis=0) <= np.array([4, 8, 16]) * 2 + 4)


def test_the_same_crop_gives_the_same_map() -> None:
    first, second = (sensitivity(OnePlace(), crop()) for _ in range(2))
    np.testing.assert_array_equal(first.fall, second.fall)


def test_an_indifferent_network_has_no_share() -> None:
    class Indifferent(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.new_zeros(len(x))

    summary = summarise(sensitivity(Indifferent(), crop()), np.ones((40, 40, 32), bool))
    assert summary.largest_fall == 0
    assert summary.share_at_nodule is None


class OffMiddle(torch.nn.Module):
    """Falls with brightness 9 mm to the left, 6 behind and 6 above the middle."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m = x.shape[-1] // 2
        place = x[:, 0, m - 11 : m - 6, m - 8 : m - 3, m + 4 : m + 9]
        return 6 - 40 * place.mean(dim=(1, 2, 3))


def test_the_crop_is_what_the_classifier_sees(volume: CtVolume) -> None:
    scan = ScanViews(turned(volume, (2, 0, 1), (0, 2)), None, 0.0)
    network = bundle("nodule", OffMiddle())
    classifier = CubeClassifier(network, torch.device("cpu"))  # type: ignore[arg-type]
    grid = scan.isotropic(network.isotropic_mm).geometry
    for offset in ((0, 0, 0), (4, -3, 2), (-9, 6, 0)):
        voxel = np.rint(grid.lps_to_index(NODULES_LPS["big"])) + offset
        point = grid.index_to_lps(voxel)
        seen = torch.from_numpy(classifier.crop(scan, point).values)[None, None]
        rated = classifier.rate(scan, [point], 4, lambda done, total: None)
        assert float(classifier.judge(seen)[0]) == pytest.approx(float(rated[0]), abs=1e-6)


def test_the_map_lies_in_the_patient_whatever_the_scan_s_axes(
    volume: CtVolume, chain_settings: ChainSettings
) -> None:
    planted = Models(
        bundle("segmentation", Brightness()),  # type: ignore[arg-type]
        bundle("nodule", OffMiddle()),  # type: ignore[arg-type]
        bundle("malignancy", OffMiddle()),  # type: ignore[arg-type]
        torch.device("cpu"),
    )
    scan = turned(volume, (2, 0, 1), (0, 2))
    dense = Occlusion(12.0, cover_hu=400.0)  # the place is lung: covered with lung it stays
    analysis = analyse(scan, planted, chain_settings, occlusion=dense, keep_crops=True)
    finding = next(
        f for f in analysis.findings if np.allclose(f.center_lps_mm, NODULES_LPS["big"], atol=3)
    )
    for summary in finding.explanations:
        expected = np.add(NODULES_LPS["big"], (9.0, 6.0, 6.0))
        assert summary.largest_fall_lps_mm == pytest.approx(expected, abs=4.5)
        assert summary.largest_fall > 0.5
    judged = [c for c in analysis.candidates if c.classifier_probability is not None]
    assert len(analysis.crops) == len(judged)
    for record, crops in zip(analysis.candidates, analysis.crops, strict=False):
        at = crops.nodule.geometry.lps_to_index(record.center_lps_mm)
        assert at == pytest.approx(np.array(crops.nodule.values.shape) // 2, abs=0.51)
        with torch.inference_mode():
            again = planted.nodule_classifier.judge(
                torch.from_numpy(crops.nodule.values)[None, None]
            )
        # All of these lie between voxels, whose answers are blended; the crop is the nearest's.
        assert float(again[0]) == pytest.approx(record.classifier_probability, abs=0.02)
