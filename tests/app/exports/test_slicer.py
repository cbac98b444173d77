"""What 3D Slicer's own reader (slicerio) and ITK make of the segmentation, and the markups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.app.exports import slicer
from nodulus.app.results.colors import finding_rgb

from .conftest import Exported, in_order

slicerio = pytest.importorskip("slicerio", reason="needs slicerio (PyPI)")


def test_slicerio_reads_masks_names_colours_and_terms(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / slicer.SEGMENTATION_FILE
    path.write_bytes(slicer.encode_segmentation(exported.study))
    read = slicerio.read_segmentation(str(path))
    assert [s["name"] for s in read["segments"]] == ["Nodule 1", "Nodule 2"]
    for number, segment in enumerate(read["segments"], 1):
        assert segment["labelValue"] == number
        np.testing.assert_allclose(segment["color"], np.array(finding_rgb(number)) / 255, atol=1e-4)
        index = np.argwhere(read["voxels"] == number)
        matrix = np.asarray(read["ijkToLPS"])
        points = index @ matrix[:3, :3].T + matrix[:3, 3]
        np.testing.assert_allclose(in_order(points), exported.points(number), atol=1e-3)
        low, high = index.min(axis=0), index.max(axis=0)
        assert segment["extent"] == [int(v) for pair in zip(low, high, strict=True) for v in pair]
        terms = segment["terminology"]
        assert terms["type"] == ["SCT", "27925004", "Nodule"]
    first, second = (segment["terminology"] for segment in read["segments"])
    assert first["anatomicRegion"] == ["SCT", "90572001", "Lower lobe of lung"]
    assert first["anatomicRegionModifier"] == ["SCT", "24028007", "Right"]
    assert second["anatomicRegion"] == ["SCT", "39607008", "Lung"]
    assert "anatomicRegionModifier" not in second


def test_itk_reads_the_same_points(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / slicer.SEGMENTATION_FILE
    path.write_bytes(slicer.encode_segmentation(exported.study))
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    for number in (1, 2):
        index = np.argwhere(array == number)[:, ::-1]
        points = np.array([image.TransformIndexToPhysicalPoint(i.tolist()) for i in index])
        np.testing.assert_allclose(in_order(points), exported.points(number), atol=1e-3)


def test_markups_have_every_centre_and_axis(exported: Exported) -> None:
    markups = json.loads(slicer.encode_markups(exported.study))["markups"]
    assert [m["type"] for m in markups] == ["Fiducial", "Line", "Line", "Line", "Line"]
    assert {m["coordinateSystem"] for m in markups} == {"LPS"}
    findings = exported.result.findings
    assert [tuple(p["position"]) for p in markups[0]["controlPoints"]] == [
        f.center_lps_mm for f in findings
    ]
    ends = [[tuple(p["position"]) for p in m["controlPoints"]] for m in markups[1:]]
    assert ends == [
        list(pair)
        for f in findings
        for pair in (f.longest_diameter_ends_lps_mm, f.perpendicular_diameter_ends_lps_mm)
    ]
