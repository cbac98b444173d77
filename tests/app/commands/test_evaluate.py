"""`nodulus evaluate`: FROC, findings against the truth, and operating points."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from nodulus.app.chain.settings import load_settings
from nodulus.app.commands.root import cli
from nodulus.app.results.luna16_marks import marks_of, write_marks
from tests.app.evaluation.results import make_result

MARKS = {
    "1.1": [((0.5, 0.0, 0.0), 0.9, 0.8), ((60.0, 0.0, 0.0), 0.8, 0.2)],
    "1.2": [((0.0, 2.0, 0.0), 0.4, 0.3), ((70.0, 0.0, 0.0), 0.6, 0.1), ((0, 80, 0), 0.7, 0.1)],
    "1.3": [],
}
ANNOTATIONS = """seriesuid,coordX,coordY,coordZ,diameter_mm
1.1,0,0,0,8
1.2,0,0,0,12
1.2,0,0,90,9
1.9,0,0,0,9
"""
NODULES = """series_uid,center_x_lps_mm,center_y_lps_mm,center_z_lps_mm,diameter_mm,\
malignancy,texture
1.1,0,0,0,8,5,5
1.2,0,0,0,12,1,3
1.2,0,0,90,9,4,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = [make_result(uid, marks, 0.0) for uid, marks in MARKS.items()]
    for result in results:
        study = tmp_path / "results" / result.series_uid
        study.mkdir(parents=True)
        (study / "findings.json").write_text(result.model_dump_json())
    write_marks(tmp_path / "marks.csv", (m for r in results for m in marks_of(r)))
    (tmp_path / "annotations.csv").write_text(ANNOTATIONS)
    (tmp_path / "excluded.csv").write_text(
        "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2,70,4.9,0,-1\n"
    )
    (tmp_path / "seriesuids.csv").write_text("1.1\n1.2\n1.3\n1.4\n")
    (tmp_path / "nodules.csv").write_text(NODULES)
    return tmp_path


def run(*args: str | Path) -> str:
    result = CliRunner().invoke(cli, ["evaluate", *map(str, args)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def froc(folder: Path, *more: str | Path) -> str:
    return run(
        "froc",
        "--annotations",
        folder / "annotations.csv",
        "--series",
        folder / "seriesuids.csv",
        "--marks",
        folder / "marks.csv",
        "-o",
        folder / "out",
        *more,
    )


def test_froc_of_the_marks_of_detect(folder: Path) -> None:
    text = froc(folder, "--excluded", folder / "excluded.csv", "--bootstrap", "50")
    found = json.loads((folder / "out" / "froc.json").read_text())
    assert {name: found[name] for name in ("scans", "nodules", "marks")} == {
        "scans": 4,
        "nodules": 3,
        "marks": 5,
    }
    assert (found["true_positives"], found["false_positives"], found["false_negatives"]) == (
        2,
        2,
        1,
    )
    assert (found["ignored_marks"], found["nodules_of_other_series"]) == (1, 1)
    # Hits at 0.9 and 0.4, false alarms at 0.8 and 0.7 in four scans: a half at first one found.
    assert found["sensitivity"]["0.125"] == pytest.approx(1 / 3)
    assert found["sensitivity"]["0.5"] == pytest.approx(2 / 3)
    assert found["cpm"] == pytest.approx((2 / 3 + 5 * 2 / 3) / 7)
    assert found["bootstrap"]["seed"] == 0
    assert f"CPM {found['cpm']:.4f}" in text
    with (folder / "out" / "froc.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["threshold"]) for r in rows[1:]] == [0.9, 0.8, 0.7, 0.4]
    assert [float(r["false_positives_per_scan"]) for r in rows] == [0, 0, 0.25, 0.5, 0.5]
    assert len((folder / "out" / "froc_bootstrap.csv").read_text().splitlines()) == 10_001
    with Image.open(folder / "out" / "froc.png") as picture:
        assert picture.width > 600


def test_froc_without_excluded_and_interval(folder: Path) -> None:
    froc(folder, "--bootstrap", "0")
    found = json.loads((folder / "out" / "froc.json").read_text())
    assert found["false_positives"] == 3
    assert "bootstrap" not in found
    assert not (folder / "out" / "froc_bootstrap.csv").exists()


def test_froc_names_the_bad_row(folder: Path) -> None:
    with (folder / "marks.csv").open("a") as stream:
        stream.write("1.1,0,0,here,0.5\n")
    args = [
        "--annotations",
        "annotations.csv",
        "--series",
        "seriesuids.csv",
        "--marks",
        "marks.csv",
    ]
    args = [a if a.startswith("--") else str(folder / a) for a in args]
    result = CliRunner().invoke(cli, ["evaluate", "froc", *args, "-o", str(folder / "out")])
    assert result.exit_code == 1
    assert "marks.csv: row 7: 'here' is not a number" in result.output
    assert not (folder / "out").exists()


def test_findings_prints_and_writes_the_tables(folder: Path) -> None:
    text = run(
        "findings", folder / "results", "--nodules", folder / "nodules.csv",
        "--json", folder / "figures.json", "--bootstrap", "20",
    )  # fmt: skip
    found = json.loads((folder / "figures.json").read_text())
    assert found["chain"][0]["rows"]["malignant"]["missed"] == 1
    assert found["froc"]["true_positives"] == 2
    assert "malignant nodules of 6 mm and more: 2" in text
    assert "filtered out" in text


def test_compare_prints_and_writes_who_found_what(folder: Path) -> None:
    other = folder / "other"
    for uid, marks in {**MARKS, "1.2": [((0.0, 1.0, 90.0), 0.9, 0.9)]}.items():
        (other / uid).mkdir(parents=True)
        result = make_result(uid, marks, 0.0)
        (other / uid / "findings.json").write_text(result.model_dump_json())
    text = run(
        "compare", folder / "results", other, "--lesions", folder / "annotations.csv",
        "--json", folder / "both.json", "--bootstrap", "50",
    )  # fmt: skip
    lines = [line.split() for line in text.splitlines()]
    assert ["all", "3", "1", "1", "1", "0"] in lines
    assert "only A: 1.2 at (0.0, 0.0, 0.0), 12.0 mm" in text
    assert "only B: 1.2 at (0.0, 0.0, 90.0), 9.0 mm" in text
    assert "without both kinds there is no AUC" in text
    found = json.loads((folder / "both.json").read_text())
    own = found["measures"]["other_marks_per_scan_at_operating_point"]
    # Three other marks in three scans, and one: 1.2 has two of the three.
    assert (own["first"], own["second"]) == (1.0, pytest.approx(1 / 3))
    low, up = (f"{own['difference'][end]:+.3f}" for end in ("lower", "upper"))
    row = f"other marks a scan there 1.000 0.333 -0.667 ({low} to {up})"
    assert row.split() in lines


def test_compare_refuses_other_scans(folder: Path) -> None:
    (folder / "other" / "1.1").mkdir(parents=True)
    shutil.copy(folder / "results" / "1.1" / "findings.json", folder / "other" / "1.1")
    args = ["compare", folder / "results", folder / "other", "--nodules", folder / "nodules.csv"]
    result = CliRunner().invoke(cli, ["evaluate", *map(str, args)])
    assert result.exit_code == 1
    assert "input-refused" in result.output
    assert "not of the same scans" in result.output


def test_operating_points_open_again(folder: Path) -> None:
    text = run(
        "operating-points", folder / "results", "--nodules", folder / "nodules.csv",
        "--recalibrate", "platt", "-o", folder / "settings" / "operating_points.json",
    )  # fmt: skip
    points = load_settings(folder / "settings").operating_points
    assert points.nodule.temperature != 1.0
    assert points.nodule.offset != 0.0
    assert f"nodule: {points.nodule.threshold:g}" in text


def test_operating_points_need_nodules(folder: Path) -> None:
    (folder / "nodules.csv").write_text(NODULES.splitlines()[0] + "\n")
    args = [str(folder / "results"), "--nodules", str(folder / "nodules.csv"), "-o", "x.json"]
    result = CliRunner().invoke(cli, ["evaluate", "operating-points", *args])
    assert result.exit_code == 1
    assert "input-empty" in result.output


def test_segmentation_points_wants_one_source() -> None:
    result = CliRunner().invoke(cli, ["evaluate", "segmentation-points", "-o", "x.json"])
    assert result.exit_code == 2
    assert "Give --results with --masks, or --crops" in result.output


def test_the_segmentation_share_is_chosen_and_kept(folder: Path) -> None:
    for path in (folder / "results").glob("*/findings.json"):
        result = json.loads(path.read_text())
        for candidate in result["candidates"]:
            candidate["classifier_probability"] = candidate["nodule_probability"]
        path.write_text(json.dumps(result))
    text = run(
        "operating-points", folder / "results", "--nodules", folder / "nodules.csv",
        "--choose-segmentation-share", "-o", folder / "settings" / "operating_points.json",
    )  # fmt: skip
    # Every peak is 0.9: the share changes no order, and the tie goes to a half.
    assert "segmentation_share: 0.5 (CPM by share 0: " in text
    written = load_settings(folder / "settings").pipeline
    assert written == load_settings().pipeline.model_copy(update={"segmentation_share": 0.5})


def test_a_share_needs_both_opinions(folder: Path) -> None:
    args = ["--nodules", folder / "nodules.csv", "--choose-segmentation-share", "-o", folder / "p"]
    result = CliRunner().invoke(
        cli, ["evaluate", "operating-points", str(folder / "results"), *map(str, args)]
    )
    assert result.exit_code == 1
    assert "do not hold the nodule classifier's own probabilities" in result.output
    assert not (folder / "p").exists()
