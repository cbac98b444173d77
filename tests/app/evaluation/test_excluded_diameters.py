"""LUNA16's excluded findings: a diameter of -1 is an unknown one, which reaches 5 mm."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodulus.app.evaluation.match_results import match_results
from nodulus.bundles.common.data.tables import read_excluded

from .results import make_result


def test_an_unknown_diameter_is_none(tmp_path: Path) -> None:
    table = tmp_path / "annotations_excluded.csv"
    table.write_text(
        "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
        "1.2,10,-20,30,-1\n1.2,40.5,50,60,7.25\n1.3,0,0,0,0\n"
    )
    found = read_excluded(table)
    assert [f.diameter_mm for f in found] == [None, 7.25, None]
    assert [f.series_uid for f in found] == ["1.2", "1.2", "1.3"]
    np.testing.assert_allclose(found[1].center_lps_mm, (40.5, 50, 60))


def test_it_reaches_five_millimetres(tmp_path: Path) -> None:
    table = tmp_path / "annotations_excluded.csv"
    table.write_text("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2,10,20,30,-1\n")
    marks = [((10.0 + away, 20.0, 30.0), 0.9, 0.5) for away in (0.0, 4.8, 5.2, -4.8)]
    (scan,) = match_results([make_result("1.2", marks, 0.3)], [], read_excluded(table))
    assert scan.on_excluded.tolist() == [True, True, False, True]
