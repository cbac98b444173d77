"""Readers' outlines on a cube of which it is not known what columns and rows it shows."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.data.lidc_labels.consensus import count_readers
from nodulus.app.data.lidc_labels.cube_labels import AGREEMENT, draw_outlines
from nodulus.app.data.lidc_labels.matching import center_xyz_mm
from nodulus.bundles.common.lidc.database import read_outlines
from nodulus.bundles.common.lidc.shapes import ShapeReference, all_references
from tests.lidc_shapes import needs_lidc_shapes

SHAPE = (24, 48, 48)

pytestmark = needs_lidc_shapes


@pytest.fixture(scope="module")
def reference() -> ShapeReference:
    return next(
        r
        for r in all_references()
        if r.readers == 4 and 8 < r.diameter_mm < 12 and r.annotations[0].scan.slice_spacing_mm > 1
    )


def truth(reference: ShapeReference, z_mm: float, shift: tuple[int, int]) -> np.ndarray:
    """What the readers agree on, some voxels away from where their centre says."""
    scan = reference.annotations[0].scan
    readers = list(read_outlines([a.id for a in reference.annotations]).values())
    levels = {
        o.z_mm: round((o.z_mm - z_mm) / scan.slice_spacing_mm) + SHAPE[0] // 2
        for own in readers
        for o in own
    }
    counted = count_readers(readers, levels, (512, 512))
    assert counted is not None
    mask = counted.mask(AGREEMENT)
    column, row = np.round(center_xyz_mm(reference)[:2] / scan.pixel_spacing_mm).astype(int)
    start = [
        counted.box[0].start,
        counted.box[1].start - row + SHAPE[1] // 2 + shift[0],
        counted.box[2].start - column + SHAPE[2] // 2 + shift[1],
    ]
    result = np.zeros(SHAPE, bool)
    result[tuple(slice(a, a + n) for a, n in zip(start, mask.shape, strict=True))] = mask
    return result


@pytest.mark.parametrize("shift", [(0, 0), (2, -3)])
def test_outlines_are_drawn_where_the_nodule_is(reference, shift):
    scan = reference.annotations[0].scan
    spacing = (scan.slice_spacing_mm, scan.pixel_spacing_mm, scan.pixel_spacing_mm)
    # the point that annotates a nodule need not lie on a slice
    z = min(scan.levels_mm, key=lambda v: abs(v - center_xyz_mm(reference)[2]))
    inside = truth(reference, z, shift)
    noise = np.random.default_rng(0).normal(0, 30, SHAPE)
    hu = (np.where(inside, 30, -850) + noise).astype(np.int16)
    drawn = draw_outlines(hu, spacing, z + 0.3 * scan.slice_spacing_mm, reference)
    np.testing.assert_array_equal(drawn, inside)


def test_without_an_outline_on_its_slices_there_is_none(reference):
    hu = np.zeros(SHAPE, np.int16)
    assert draw_outlines(hu, (1.0, 0.7, 0.7), 1e5, reference) is None
