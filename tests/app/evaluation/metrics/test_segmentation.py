"""Dice and distances of segmentations, against distance transforms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.evaluation.metrics.segmentation import measure_outline

SPACING = (2.0, 1.0, 0.75)
VOXEL_MM3 = 1.5


def ball(center, radius):
    grid = np.indices((24, 40, 64)) * np.asarray(SPACING)[:, None, None, None]
    return ((grid - np.asarray(center)[:, None, None, None]) ** 2).sum(axis=0) <= radius**2


def surface_distances(one, two):
    """From each surface voxel of the first to the nearest of the second, in mm."""
    edge_one, edge_two = (m & ~ndimage.binary_erosion(m) for m in (one, two))
    return ndimage.distance_transform_edt(~edge_two, sampling=SPACING)[edge_one]


def test_agrees_with_distance_transforms():
    truth, drawn = ball((20, 20, 16), 8), ball((22, 21, 15), 6)
    found = measure_outline(drawn, truth, SPACING)
    there, back = surface_distances(drawn, truth), surface_distances(truth, drawn)
    overlap = 2 * (drawn & truth).sum() / (drawn.sum() + truth.sum())
    assert found.dice == pytest.approx(overlap, rel=1e-6)
    mean = np.concatenate([there, back]).mean()
    assert found.mean_surface_distance_mm == pytest.approx(mean, rel=1e-5)
    largest = max(np.percentile(there, 95), np.percentile(back, 95))
    assert found.hausdorff_95_mm == pytest.approx(largest, rel=1e-5)
    assert found.true_volume_mm3 == VOXEL_MM3 * truth.sum()
    assert found.volume_error_mm3 == VOXEL_MM3 * (int(drawn.sum()) - int(truth.sum()))
    assert found.relative_volume_error == pytest.approx(drawn.sum() / truth.sum() - 1)


def test_a_missed_nodule_has_no_distance():
    truth = ball((20, 20, 16), 8)
    found = measure_outline(np.zeros_like(truth), truth, SPACING)
    assert (found.dice, found.relative_volume_error) == (0.0, -1.0)
    assert found.mean_surface_distance_mm is None
    assert found.hausdorff_95_mm is None


def test_bad_masks():
    truth = ball((20, 20, 16), 8)
    with pytest.raises(ValueError, match="empty"):
        measure_outline(truth, np.zeros_like(truth), SPACING)
    with pytest.raises(ValueError, match="shape"):
        measure_outline(truth[1:], truth, SPACING)
