"""Segmentations of 3D Slicer, as slicerio writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.slicer_segmentation import (
    open_slicer_segmentation,
    read_slicer_segmentation,
    scan_name,
)
from nodulus.transforms.geometry import Geometry
from tests.app.other_tools import NODULE_TAGS, write_slicer_segmentation

from .dicom_masks import AXIAL, ORIGIN, SHAPE_IRC, SPACING_MM, STEP_MM, lungs, source, two_balls

GRID = Geometry.from_dicom(SHAPE_IRC, AXIAL, ORIGIN, (0, 0, STEP_MM), SPACING_MM)


def write(path: Path, grid: Geometry = GRID, tags: str = "", **masks: np.ndarray) -> Path:
    return write_slicer_segmentation(path, grid, masks, tags)


def test_each_segment_lies_where_it_was_drawn(tmp_path: Path) -> None:
    first, second = two_balls()
    path = write(tmp_path / "s.seg.nrrd", lung=lungs(), Nodule_1=first, Nodule_2=second)
    masks = read_slicer_segmentation(path, source())
    assert [mask.structure.name for mask in masks] == ["Nodule_1", "Nodule_2"]
    for mask, drawn in zip(masks, (first, second), strict=True):
        found = np.zeros(SHAPE_IRC, bool)
        found[mask.box] = mask.mask
        assert np.array_equal(found, drawn)


def test_segments_that_overlap_are_layers(tmp_path: Path) -> None:
    first, _ = two_balls()
    chest = np.ones(SHAPE_IRC, bool)
    opened = open_slicer_segmentation(write(tmp_path / "s.seg.nrrd", chest=chest, nodule=first))
    assert len(opened.layers) == 2
    assert np.array_equal(opened.mask(1), chest)
    assert np.array_equal(opened.mask(2), first)


def test_the_term_says_what_a_segment_is(tmp_path: Path) -> None:
    path = write(tmp_path / "s.seg.nrrd", tags=NODULE_TAGS, Segment_1=two_balls()[0])
    (structure,) = open_slicer_segmentation(path).structures
    assert (structure.kind, structure.is_nodule) == ("Nodule", True)
    assert len(read_slicer_segmentation(path, source())) == 1


def test_a_grid_that_is_turned_and_cropped_fits(tmp_path: Path) -> None:
    """Slicer may crop to the segments; other tools write the slices from the top down."""
    first, _ = two_balls()
    part = first[1:7][::-1]
    affine = GRID.cropped((6, 0, 0), part.shape).affine_lps.copy()
    affine[:3, 0] *= -1
    path = write(tmp_path / "s.seg.nrrd", Geometry(part.shape, affine), nodule=part)
    (mask,) = read_slicer_segmentation(path, source())
    found = np.zeros(SHAPE_IRC, bool)
    found[mask.box] = mask.mask
    assert np.array_equal(found[1:7], first[1:7])


def test_another_grid_is_refused(tmp_path: Path) -> None:
    affine = GRID.affine_lps.copy()
    affine[:3, 1] *= 1.5
    path = write(tmp_path / "s.seg.nrrd", Geometry(SHAPE_IRC, affine), nodule=two_balls()[0])
    with pytest.raises(MaskError, match="its grid is not that of series") as caught:
        read_slicer_segmentation(path, source())
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("content", "message"), [(b"NRRD0004\nnothing", "it cannot be read"), (b"", "cannot be read")]
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "s.seg.nrrd"
    path.write_bytes(content)
    with pytest.raises(MaskError, match=message):
        open_slicer_segmentation(path)


def test_a_label_image_without_segments_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.seg.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(two_balls()[0].astype(np.uint8)), str(path))
    with pytest.raises(MaskError, match="names no segment"):
        open_slicer_segmentation(path)


def test_the_scan_is_known_by_the_name() -> None:
    assert scan_name(Path("folder/1.2.3.seg.nrrd")) == "1.2.3"
    assert scan_name(Path("folder/1.2.3.nrrd")) is None
