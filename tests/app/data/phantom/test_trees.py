"""Trees of vessels and airways: every point is reached, and radii follow Murray's law."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nodulus.app.data.phantom.trees import MURRAY_EXPONENT, bend, grow_tree


@pytest.fixture
def tree(rng):
    points = rng.uniform(-50, 50, (300, 3))
    return points, grow_tree(np.array([80.0, 0, 0]), [points[:100], points[100:]])


def test_every_point_is_reached(tree):
    points, grown = tree
    assert len(grown.ends) == len(points) + 2  # and the two groups' trunks
    tips = grown.end_xyz[grown.ends == 1]
    assert len(tips) > 0.3 * len(points)
    nearest = cKDTree(points).query(tips)[0]
    np.testing.assert_allclose(nearest, 0.0, atol=1e-9)
    # Branchings are smoothed, by no more than a fraction of the space between points.
    assert np.median(cKDTree(grown.end_xyz).query(points)[0]) < 5.0


def test_ways_from_the_root_are_not_much_longer_than_straight(tree):
    _, grown = tree
    length = np.linalg.norm(grown.end_xyz - grown.start_xyz, axis=1)
    for n, parent in enumerate(grown.parent):
        assert parent < n
        length[n] += length[parent] if parent >= 0 else 0.0
    straight = np.linalg.norm(grown.end_xyz - [80.0, 0, 0], axis=1)
    assert np.all(length > straight - 1e-6)
    assert np.median(length / straight) < 1.5


def test_branches_start_where_their_parent_ends(tree):
    _, grown = tree
    child = np.nonzero(grown.parent >= 0)[0]
    np.testing.assert_array_equal(grown.start_xyz[child], grown.end_xyz[grown.parent[child]])
    roots = grown.parent == -1
    np.testing.assert_array_equal(grown.start_xyz[roots], [[80.0, 0, 0]] * 2)


def test_radii_follow_murray(tree):
    _, grown = tree
    power = (grown.radii(0.4) / 0.4) ** MURRAY_EXPONENT
    children = np.zeros(len(power))
    inner = grown.parent >= 0
    np.add.at(children, grown.parent[inner], power[inner])
    # A branch feeds what its branches feed and the point at its own end.
    np.testing.assert_allclose(children + 1.0, power)


def test_bent_pieces_are_connected(tree, rng):
    _, grown = tree
    start, end, branch = bend(grown, rng)
    same = branch[1:] == branch[:-1]
    np.testing.assert_allclose(start[1:][same], end[:-1][same], atol=1e-9)
    first = np.concatenate([[True], ~same])
    np.testing.assert_allclose(start[first], grown.start_xyz, atol=1e-9)


def test_no_points_no_tree():
    grown = grow_tree(np.zeros(3), [np.zeros((0, 3))])
    assert len(grown.ends) == 0
