"""Structures become numbered nodules, each nodule once."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.data.masks.structure_labels import label_structures
from nodulus.app.data.masks.structures import Structure, StructureMask, StructurePlane, assemble

SHAPE = (6, 20, 20)


def structure(number: int, *voxels: tuple[int, int, int]) -> StructureMask:
    index = np.array(voxels)
    planes = [StructurePlane(int(k), index[index[:, 0] == k, 1:]) for k in np.unique(index[:, 0])]
    mask = assemble(Structure(number, f"Nodule {number}", "", None), planes, 0)
    assert mask is not None
    return mask


def cube(corner: tuple[int, int, int], size: int = 3) -> list[tuple[int, int, int]]:
    i, r, c = corner
    span = range(size)
    return [(i + a, r + b, c + d) for a in span for b in span for d in span]


def test_each_of_several_structures_is_a_nodule_even_in_two_pieces() -> None:
    labels = label_structures(
        [structure(1, *cube((0, 0, 0)), *cube((0, 12, 12))), structure(2, *cube((3, 3, 3)))], SHAPE
    )
    assert labels.dtype == np.uint8
    assert labels[0, 0, 0] == labels[0, 12, 12] == 1
    assert labels[3, 3, 3] == 2
    assert np.bincount(labels.ravel())[1:].tolist() == [54, 27]


def test_a_structure_that_is_alone_is_split_where_there_is_room_between() -> None:
    alone = structure(7, *cube((0, 0, 0)), *cube((0, 0, 5)), *cube((0, 12, 12)))
    labels = label_structures([alone], SHAPE)
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert labels[0, 0, 0] == labels[0, 0, 5] != labels[0, 12, 12]
    assert (labels > 0).sum() == 81


def test_one_nodule_outlined_twice_is_one() -> None:
    masks = [structure(k, *cube((0, 0, k))) for k in range(2)] + [structure(5, *cube((3, 9, 9)))]
    labels = label_structures(masks, SHAPE)
    assert np.bincount(labels.ravel())[1:].tolist() == [36, 27]


def test_neighbours_that_overlap_a_little_stay_two() -> None:
    labels = label_structures(
        [structure(1, *cube((0, 0, 0), 5)), structure(2, *cube((0, 0, 4), 3))], SHAPE
    )
    assert np.bincount(labels.ravel())[1:].tolist() == [125, 18]


def test_a_structure_without_pixels_is_none() -> None:
    assert assemble(Structure(1, "Nodule", "", None), [], 3) is None


def test_more_nodules_than_labels_are_refused() -> None:
    voxels = [(0, r, c) for r in range(0, 80, 4) for c in range(0, 80, 4)]
    with pytest.raises(ValueError, match="400 nodules in one series"):
        label_structures([structure(1, *voxels)], (1, 80, 80))
