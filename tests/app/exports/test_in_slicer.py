"""Segmentation and markups as 3D Slicer's own code reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.exports import slicer
from nodulus.app.results.colors import finding_rgb
from tests.app.slicer_core import read_markups, read_segments

from .conftest import Exported, in_order


def test_segments_have_every_point_name_colour_and_term(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / slicer.SEGMENTATION_FILE
    path.write_bytes(slicer.encode_segmentation(exported.study))
    segments = read_segments(path)
    assert [one.name for one in segments] == ["Nodule 1", "Nodule 2"]
    places = ("90572001^Lower lobe of lung~SCT^24028007^Right", "39607008^Lung~^^")
    for number, (segment, place) in enumerate(zip(segments, places, strict=True), 1):
        points = in_order(segment.points_lps)
        np.testing.assert_allclose(points, exported.points(number), atol=1e-3)
        np.testing.assert_allclose(segment.color, np.array(finding_rgb(number)) / 255, atol=1e-4)
        assert "~SCT^27925004^Nodule~" in segment.terminology
        assert segment.terminology.endswith(place)


def test_markups_are_points_and_lines_of_the_right_length(
    exported: Exported, tmp_path: Path
) -> None:
    path = tmp_path / slicer.MARKUPS_FILE
    path.write_bytes(slicer.encode_markups(exported.study))
    centers, *axes = read_markups(path)
    findings = exported.result.findings
    assert centers.kind == "vtkMRMLMarkupsFiducialNode"
    np.testing.assert_allclose(centers.points_lps, [f.center_lps_mm for f in findings], atol=1e-6)
    assert {one.kind for one in axes} == {"vtkMRMLMarkupsLineNode"}
    wanted = [
        (f"Nodule {f.id} {name} axis", ends, length)
        for f in findings
        for name, ends, length in (
            ("long", f.longest_diameter_ends_lps_mm, f.longest_diameter_mm),
            ("short", f.perpendicular_diameter_ends_lps_mm, f.perpendicular_diameter_mm),
        )
    ]
    for axis, (name, ends, length) in zip(axes, wanted, strict=True):
        assert axis.name == name
        np.testing.assert_allclose(axis.points_lps, ends, atol=1e-6)
        assert axis.length_mm == pytest.approx(length, abs=1e-3)
