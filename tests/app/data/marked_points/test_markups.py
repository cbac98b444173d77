"""Markups of 3D Slicer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nodulus.app.data.marked_points.markups import read_markups
from nodulus.app.errors import NodulusError
from nodulus.app.exports.slicer import encode_markups
from tests.app.exports.conftest import Exported


def markup(kind: str, *points: tuple[float, float, float], **more: Any) -> dict[str, Any]:
    """A markup with control points, in LPS unless said."""
    return {
        "type": kind,
        "name": f"a {kind}",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "controlPoints": [
            {"label": f"P-{n}", "position": list(point), "positionStatus": "defined"}
            for n, point in enumerate(points, start=1)
        ],
        **more,
    }


def write(folder: Path, *markups: dict[str, Any], name: str = "scan") -> Path:
    path = folder / f"{name}.mrk.json"
    path.write_text(json.dumps({"markups": list(markups)}))
    return path


def test_points_lines_and_rois_are_nodules(tmp_path: Path) -> None:
    found = read_markups(
        write(
            tmp_path,
            markup("Fiducial", (1, 2, 3), (50, 60, 70)),
            markup("Line", (-10, 0, 0), (-10, 8, 6)),
            markup("ROI", center=[100, 0, 0], size=[9, 12, 10]),
            markup("Angle", (0, 0, 0), (1, 0, 0), (0, 1, 0)),
            name="1.2.3",
        )
    )
    assert found.series_uids == {"1.2.3"}
    assert [(p.center_lps_mm, p.diameter_mm, p.name) for p in found.points] == [
        ((1, 2, 3), None, "P-1"),
        ((50, 60, 70), None, "P-2"),
        ((-10, 4, 3), 10, "a Line"),
        ((100, 0, 0), 12, "a ROI"),
    ]


def test_ras_is_turned_into_lps(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        markup("Fiducial", (1, 2, 3), coordinateSystem="RAS"),
        markup("ROI", center=[40, 50, 60], size=[5, 5, 5], coordinateSystem="RAS"),
    )
    centers = [point.center_lps_mm for point in read_markups(path).points]
    assert centers == [(-1, -2, 3), (-40, -50, 60)]


def test_points_that_are_not_placed_do_not_count(tmp_path: Path) -> None:
    points = markup("Fiducial", (1, 2, 3), (4, 5, 6))
    points["controlPoints"][0]["positionStatus"] = "undefined"
    (point,) = read_markups(write(tmp_path, points)).points
    assert point.center_lps_mm == (4, 5, 6)


def test_a_point_and_the_axes_through_it_are_one_nodule(axial: Exported, tmp_path: Path) -> None:
    path = tmp_path / "scan.mrk.json"
    path.write_bytes(encode_markups(axial.study))
    found = read_markups(path).points
    assert [(p.center_lps_mm, p.diameter_mm) for p in found] == [
        (f.center_lps_mm, pytest.approx(f.longest_diameter_mm, abs=0.01))
        for f in axial.result.findings
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot be read as markups"),
        ("{}", "'markups' is missing"),
        (json.dumps({"markups": []}), "no point, line or ROI"),
        (json.dumps({"markups": [markup("Fiducial", coordinateUnits="cm")]}), "in cm, not mm"),
        (
            json.dumps({"markups": [markup("Fiducial", (1, 2, 3), coordinateSystem="IJK")]}),
            "coordinate system is IJK",
        ),
        (
            json.dumps({"markups": [markup("Fiducial", (1, 2))]}),  # type: ignore[arg-type]
            "no three numbers",
        ),
    ],
)
def test_what_cannot_be_read_names_the_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "scan.mrk.json"
    path.write_text(content)
    with pytest.raises(NodulusError, match=message) as caught:
        read_markups(path)
    assert caught.value.code.value == "input-not-readable"
    assert caught.value.subject == str(path)
