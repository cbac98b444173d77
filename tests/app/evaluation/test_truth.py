"""Known lesions in other formats than tables."""

from __future__ import annotations

import json
from pathlib import Path

from nodulus.app.evaluation.truth import read_lesions


def test_lines_of_slicer_are_lesions_of_the_scan_that_the_file_is_named_after(
    tmp_path: Path,
) -> None:
    for name, x in (("scan-a", 10.0), ("scan-b", 20.0)):
        ends = [{"position": [x, 0, 0]}, {"position": [x + 8, 0, 0]}]
        line = {"type": "Line", "coordinateSystem": "LPS", "controlPoints": ends}
        (tmp_path / f"{name}.mrk.json").write_text(json.dumps({"markups": [line]}))
    found = read_lesions(tmp_path)
    assert [(n.series_uid, n.center_lps_mm, n.diameter_mm) for n in found] == [
        ("scan-a", (14.0, 0.0, 0.0), 8.0),
        ("scan-b", (24.0, 0.0, 0.0), 8.0),
    ]
    assert read_lesions(tmp_path / "scan-b.mrk.json") == found[1:]
