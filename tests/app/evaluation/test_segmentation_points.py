"""Operating points of the segmentation by Dice and sensitivity."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from nodulus.app.chain.models import Models
from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.segmentation_points import choose_segmentation_points, every_candidate
from nodulus.app.evaluation.segmentation_samples import (
    OutlinedNodule,
    outlined_in_crops,
    outlined_in_results,
)
from tests.app.evaluation.results import make_result


def blob(center: float, radius: float, peak: float = 0.9) -> OutlinedNodule:
    """A probability that falls with distance; it is 0.3 on the outline's border, or less."""
    gap = np.linalg.norm(np.indices((32, 32, 32)) - center, axis=0)
    border = min(0.3, 0.8 * peak)
    probability = np.clip(peak - (peak - border) * gap / radius, 0, 1).astype(np.float32)
    return OutlinedNodule("n", probability, gap <= radius, (1.0, 1.0, 1.0))


def test_the_best_dice_is_chosen() -> None:
    points = choose_segmentation_points([blob(16, r) for r in (5.5, 6.5, 8.5)], "here", 0.95)
    assert points.voxel.threshold == 0.3
    assert points.peak.threshold == 0.3
    row = next(r for r in points.curve if r.threshold == 0.3)
    assert row.mean_dice > 0.97
    assert row.sensitivity == 1.0
    assert "3 outlined nodules here" in points.voxel.chosen_on
    assert points.nodules[0][1].dice == pytest.approx(row.mean_dice, abs=0.05)
    ratios = [r.median_volume_ratio for r in points.curve]
    assert ratios == sorted(ratios, reverse=True)


def test_some_dice_is_given_up_for_a_higher_threshold() -> None:
    nodules = [blob(16, r) for r in (5.5, 6.5, 8.5)]
    points = choose_segmentation_points(nodules, "here", 0.95, dice_loss=0.25)
    rows = {r.threshold: r.mean_dice for r in points.curve}
    chosen = points.voxel.threshold
    assert chosen > 0.3
    assert rows[chosen] >= max(rows.values()) - 0.25 > rows[round(chosen + 0.05, 2)]
    assert "within 0.25 of the best" in points.voxel.chosen_on


def test_sensitivity_comes_before_dice() -> None:
    nodules = [*(blob(16, 6) for _ in range(3)), blob(16, 6, peak=0.22)]
    assert choose_segmentation_points(nodules, "here", 1.0).voxel.threshold <= 0.22
    assert choose_segmentation_points(nodules, "here", 0.75).voxel.threshold == 0.3


def test_the_peak_keeps_what_is_asked_for_and_is_never_below_the_voxel() -> None:
    nodules = [blob(16, 6, peak) for peak in (0.5, 0.7, 0.8, 0.9)]
    points = choose_segmentation_points(nodules, "here", 0.95, peak_sensitivity=0.75)
    assert points.peak.threshold == pytest.approx(0.7, abs=0.07)
    assert points.peak.threshold > points.voxel.threshold
    assert "sensitivity 0.750" in points.peak.chosen_on
    low = [*nodules, blob(16, 6, peak=0.2)]
    points = choose_segmentation_points(low, "here", 0.8, peak_sensitivity=1.0)
    assert points.peak.threshold == points.voxel.threshold


def test_no_nodule_no_threshold() -> None:
    with pytest.raises(ValueError, match="no outlined nodule"):
        choose_segmentation_points([], "here", 0.9)


def test_the_settings_let_every_candidate_pass() -> None:
    points = every_candidate(choose_segmentation_points([blob(16, 6)], "here", 0.9))
    assert (points.nodule.threshold, points.malignancy.threshold) == (0.0, 0.0)
    assert points.segmentation_voxel.threshold == 0.3


def test_kept_maps_meet_label_maps_of_another_grid(tmp_path: Path) -> None:
    study = tmp_path / "results" / "s"
    (study / "intermediates").mkdir(parents=True)
    (study / "findings.json").write_text(make_result("1.2", [], 0.5).model_dump_json())
    # The same world for both: the map at 1 mm, the labels at 2 mm, flipped and shifted.
    fine = np.diag([1.0, 1.0, 1.0, 1.0])
    coarse = np.array([[-2.0, 0, 0, 58], [0, 2, 0, 0], [0, 0, 2, 10], [0, 0, 0, 1]])

    def world(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        index = np.indices(shape).reshape(3, -1)
        return (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)

    at = world(fine, (60, 60, 60))
    values = np.clip(
        1 - np.linalg.norm(at - np.array([30, 20, 40])[:, None, None, None], axis=0) / 20, 0, 1
    )
    labels = np.zeros((30, 30, 25), np.uint8)
    near = world(coarse, labels.shape) - np.array([30, 20, 40])[:, None, None, None]
    labels[np.linalg.norm(near, axis=0) <= 6] = 3
    labels[0, 0, 0] = 255
    labels[:, :, -1] = 5
    nib.save(nib.Nifti1Image(values, fine), study / "intermediates" / "probability.nii.gz")
    nib.save(nib.Nifti1Image(labels, coarse), tmp_path / "1.2.nii.gz")
    first, second = outlined_in_results(tmp_path / "results", tmp_path)
    assert first.name == "1.2 3"
    assert first.spacing_mm == (2.0, 2.0, 2.0)
    assert int(first.outline.sum()) == int((labels == 3).sum())
    assert first.probability[first.outline].max() == pytest.approx(1.0, abs=1e-6)
    assert first.probability[first.outline].min() == pytest.approx(0.7, abs=0.01)
    assert second.probability[second.outline].max() < 0.3
    (tmp_path / "1.2.nii.gz").unlink()
    with pytest.raises(NodulusError, match="input-not-found"):
        list(outlined_in_results(tmp_path / "results", tmp_path))


def test_crops_are_turned_as_the_network_wants_them(tmp_path: Path, models: Models) -> None:
    cubes = np.full((1, 20, 22, 24), -1000, np.int16)
    cubes[0, 4:8, 10:16, 3:9] = 100
    np.savez(tmp_path / "crops.npz", hu=cubes, mask=cubes > 0)
    (found,) = outlined_in_crops(tmp_path / "crops.npz", models.segmentation, torch.device("cpu"))
    assert found.outline.shape == (24, 22, 20)
    inside = np.argwhere(found.outline)
    # The patient's right is the low end of x here, and columns run to the left.
    assert inside.min(axis=0).tolist() == [24 - 9, 22 - 16, 4]
    assert found.probability[found.outline].min() > found.probability[~found.outline].max()
    np.savez(tmp_path / "bad.npz", hu=cubes[0], mask=cubes[0])
    with pytest.raises(NodulusError, match="input-not-readable"):
        list(outlined_in_crops(tmp_path / "bad.npz", models.segmentation, torch.device("cpu")))
