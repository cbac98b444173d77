"""A candidate's centre does not jump with a voxel that just crosses the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.candidate_records import steady_center
from nodulus.transforms.candidates import group_candidates


def test_a_voxel_that_just_crosses_the_threshold_moves_nothing() -> None:
    probability = np.zeros((20, 20, 20), np.float32)
    probability[8:11, 8:11, 8:11] = 0.9
    probability[8:11, 8:11, 11] = 0.399
    (before,) = group_candidates(probability, np.eye(4), threshold=0.4)
    first = steady_center(before, probability, 0.4)
    assert first == pytest.approx((9.0, 9.0, 9.0))
    probability[8:11, 8:11, 11] = 0.401
    (after,) = group_candidates(probability, np.eye(4), threshold=0.4)
    assert abs(after.center_index[2] - before.center_index[2]) > 0.4
    assert steady_center(after, probability, 0.4) == pytest.approx(first, abs=0.01)


def test_voxels_at_the_threshold_have_a_centre() -> None:
    probability = np.zeros((5, 5, 5), np.float32)
    probability[1:3, 2, 2] = 0.5
    (candidate,) = group_candidates(probability, np.eye(4), threshold=0.5)
    assert steady_center(candidate, probability, 0.5) == pytest.approx((1.5, 2.0, 2.0))
