"""3D Slicer's own readers and writers, from its core libraries (PyPI: slicer-core)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

pytest.importorskip("slicer_core", reason="needs slicer-core (PyPI)")

import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
_LPS_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class SegmentInSlicer:
    """A segment as 3D Slicer has it; its points are LPS mm, shape (n, 3)."""

    name: str
    color: tuple[float, float, float]
    terminology: str
    points_lps: NDArray[np.float64]


@dataclass(frozen=True)
class MarkupsInSlicer:
    """Markups as 3D Slicer has them; the length is None but for lines."""

    kind: str
    name: str
    points_lps: list[list[float]]
    length_mm: float | None


def read_segments(path: Path) -> list[SegmentInSlicer]:
    """Read a ``.seg.nrrd`` by vtkMRMLSegmentationStorageNode."""
    node, storage = _in_a_scene(slicer.vtkMRMLSegmentationNode(), path)
    assert storage.ReadData(node) == 1
    segmentation = node.GetSegmentation()
    read = []
    for number in range(segmentation.GetNumberOfSegments()):
        identity = segmentation.GetNthSegmentID(number)
        segment = segmentation.GetNthSegment(number)
        image = slicer.vtkOrientedImageData()
        assert node.GetBinaryLabelmapRepresentation(identity, image)
        to_ras = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(to_ras)
        matrix = np.array([[to_ras.GetElement(i, j) for j in range(4)] for i in range(4)])
        values = vtk_to_numpy(image.GetPointData().GetScalars())
        inside = values.reshape(image.GetDimensions()[::-1]) > 0
        index = np.argwhere(inside)[:, ::-1] + np.array(image.GetExtent()[::2])
        ras = index @ matrix[:3, :3].T + matrix[:3, 3]
        terms = vtk.reference("")
        segment.GetTag("TerminologyEntry", terms)
        read.append(
            SegmentInSlicer(segment.GetName(), segment.GetColor(), str(terms), ras * _LPS_RAS)
        )
    return read


def write_segments(
    path: Path, geometry: Geometry, masks: Mapping[str, NDArray[np.bool_]], terminology: str = ""
) -> None:
    """Write a ``.seg.nrrd`` likewise; masks are (I, R, C), and may overlap."""
    node, storage = _in_a_scene(slicer.vtkMRMLSegmentationNode(), path)
    to_ras = vtk.vtkMatrix4x4()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps[:, [2, 1, 0, 3]]
    to_ras.DeepCopy(affine.ravel().tolist())
    for name, mask in masks.items():
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(mask.shape[::-1])
        image.SetImageToWorldMatrix(to_ras)
        image.GetPointData().SetScalars(numpy_to_vtk(mask.astype(np.uint8).ravel(), deep=True))
        identity = node.AddSegmentFromBinaryLabelmapRepresentation(image, name)
        if terminology:
            segment = node.GetSegmentation().GetSegment(identity)
            segment.SetTag("TerminologyEntry", terminology)
    assert storage.WriteData(node) == 1


def read_markups(path: Path) -> list[MarkupsInSlicer]:
    """Read every markups node of a ``.mrk.json`` by vtkMRMLMarkupsJsonStorageNode."""
    _, storage = _in_a_scene(slicer.vtkMRMLMarkupsFiducialNode(), path)
    read: list[MarkupsInSlicer] = []
    while node := storage.AddNewMarkupsNodeFromFile(str(path), None, len(read)):
        line = node.GetMeasurement("length")
        read.append(
            MarkupsInSlicer(
                node.GetClassName(),
                node.GetName(),
                [
                    (np.array(node.GetNthControlPointPositionWorld(i)) * _LPS_RAS).tolist()
                    for i in range(node.GetNumberOfControlPoints())
                ],
                line.GetValue() if line else None,
            )
        )
    return read


def write_markups(path: Path, points_lps: Sequence[Sequence[float]], *, is_line: bool) -> None:
    """Write points, or the two ends of a line, likewise."""
    kind = slicer.vtkMRMLMarkupsLineNode if is_line else slicer.vtkMRMLMarkupsFiducialNode
    node, storage = _in_a_scene(kind(), path)
    for number, point in enumerate(points_lps, 1):
        node.AddControlPointWorld((np.array(point) * _LPS_RAS).tolist(), f"F-{number}")
    assert storage.WriteData(node) == 1


def _in_a_scene(node: Any, path: Path) -> tuple[Any, Any]:
    """The node and its storage in a scene, which both keep alive."""
    scene = slicer.vtkMRMLScene()
    for known in (slicer.vtkMRMLMarkupsFiducialNode, slicer.vtkMRMLMarkupsLineNode):
        scene.RegisterNodeClass(known())
    if "Markups" in node.GetClassName():
        storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    else:
        storage = slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    _SCENES.append(scene)
    return node, storage


_SCENES: list[Any] = []
