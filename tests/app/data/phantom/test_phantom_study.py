"""A whole phantom: size, densities, and nodules in its lungs."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from nodulus.app.data.phantom.dataset import make_one
from nodulus.app.data.phantom.phantom_study import identify, make_uid


@pytest.fixture(scope="module")
def study(small_plan):
    return make_one(small_plan, 0)


def test_nodules_lie_in_the_lungs(study):
    near = binary_dilation(study.lungs, iterations=1)
    assert study.nodules
    for nodule in study.nodules:
        mask = study.labels == nodule.label
        assert mask.any()
        assert near[mask].mean() > 0.95


def test_densities_are_those_of_a_chest(study):
    lung = study.hu[study.lungs & (study.labels == 0)]
    assert -930 < np.median(lung) < -740
    body = study.hu[(study.hu > -300) & ~study.lungs]
    assert -110 < np.median(body) < 90
    assert (study.hu > 250).sum() > 500  # bone


def test_there_are_two_lungs_of_human_size(study):
    volume_l = study.lungs.sum() * study.geometry.voxel_volume_mm3 / 1e6
    assert 2.0 < volume_l < 9.0
    parts, count = label(study.lungs)
    sizes = np.sort(np.bincount(parts.ravel())[1:])[::-1] / study.lungs.sum()
    # Two lungs, or one piece where they touch in front of the aorta on so coarse a grid.
    assert sizes[:2].sum() > 0.95
    assert count >= 1
    columns = np.nonzero(study.lungs.any(axis=(0, 1)))[0]
    x = study.geometry.index_to_lps([[0, 0, columns[0]], [0, 0, columns[-1]]])[:, 0]
    assert 200 < x[1] - x[0] < 330


def test_lungs_are_whole(study):
    assert not study.lungs[0].any()
    assert not study.lungs[-1].any()


def test_nodules_are_brighter_than_the_lung_about_them(study):
    for nodule in study.nodules:
        inside = study.hu[study.labels == nodule.label].mean()
        assert inside > np.median(study.hu[study.lungs]) + 50


def test_uids():
    uid = make_uid("a", 1)
    assert uid == make_uid("a", 1) != make_uid("a", 2)
    assert uid.startswith("2.25.")
    assert len(uid) <= 64
    assert identify(0, 1) != identify(0, 2) != identify(1, 2)
