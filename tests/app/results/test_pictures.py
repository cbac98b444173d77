"""Pictures of findings: window, contours, colours and places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.label_boxes import boxes_by_label
from nodulus.app.results.pictures import ZOOM_PIXELS, contours, finding_pictures, lung_window
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame
from nodulus.transforms.geometry import Geometry

from .synthetic import result_for, two_labels, write_series


def test_lung_window_ends() -> None:
    grey = np.asarray(lung_window(np.array([[-1350.0, -600.0, 150.0, 3000.0]], np.float32)))
    assert grey.tolist() == [[0, 128, 255, 255]]


@pytest.mark.parametrize("plane", list(AnatomicalPlane))
def test_contour_of_a_ball_is_its_circle(plane: AnatomicalPlane) -> None:
    geometry = Geometry.from_dicom(
        (40, 40, 40), (1, 0, 0, 0, 1, 0), (-19.5, -19.5, -19.5), (0, 0, 1.0), (1.0, 1.0)
    )
    index = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), axis=-1)
    ball = np.linalg.norm(geometry.index_to_lps(index), axis=-1) <= 10.0
    frame = ViewFrame(plane, (0.0, 0.0, 0.0), 0.25, 201, 201)
    (line,) = contours(ball, geometry, frame)
    radius_mm = np.linalg.norm(line - 100.0, axis=1) * 0.25
    assert radius_mm.mean() == pytest.approx(10.0, abs=0.4)
    assert radius_mm.min() > 8.8
    assert radius_mm.max() < 11.2


def test_finding_pictures_show_the_nodule_in_the_middle(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    finding = result_for(volume, labels).findings[0]
    overview, *closeups = finding_pictures(volume, labels, boxes_by_label(labels)[1], finding)
    assert [picture.caption for picture in closeups] == ["Axial", "Coronal", "Sagittal"]
    for picture in closeups:
        grey = np.asarray(picture.base)
        middle, edge = ZOOM_PIXELS // 2, 10
        assert grey[middle, middle] > 225
        assert grey[edge, edge] < 128
        assert "outlined" in picture.alt
        colors = picture.outline.convert("RGB").getcolors(1 << 16)
        assert any(color == finding_rgb(1) for _, color in colors)
        assert picture.flat().size == (2 * ZOOM_PIXELS, 2 * ZOOM_PIXELS)
    assert overview.outline is not None
    left, top, right, bottom = overview.outline.getbbox() or (0, 0, 0, 0)
    assert right - left == pytest.approx(bottom - top, abs=2)
    assert right - left < overview.outline.width


def test_finding_without_voxels_still_has_pictures(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    finding = result_for(volume, labels).findings[0]
    pictures = finding_pictures(volume, np.zeros_like(labels), None, finding)
    assert "outlined" not in pictures[1].alt


def test_colors_differ() -> None:
    colors = [finding_rgb(number) for number in range(1, 31)]
    assert len(set(colors)) == 30
