"""`nodulus detect --candidates`, from files to findings.json, report, SEG, SR and CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread

from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import (
    FAINT_LPS,
    FAINT_RADIUS,
    ball,
    with_faint_ball,
    write_nifti,
    write_seg,
    write_table,
)
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS

BIG = NODULES_LPS["big"]
OWN = "nodulus-segmentation"


pytestmark = pytest.mark.usefixtures("fake_models")


@pytest.fixture(scope="module")
def scan(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("scan") / "in"
    faint = with_faint_ball(volume)
    first = volume.geometry.affine_lps[:3, 3]
    files = write_series(folder, faint.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)
    return folder, files


def detect(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["detect", *map(str, arguments)])


def result_of(out: Path) -> tuple[Path, dict[str, Any]]:
    (folder,) = [p for p in out.iterdir() if p.is_dir()]
    return folder, json.loads((folder / "findings.json").read_text())


def test_sources_of_every_form_in_every_result(
    tmp_path: Path, volume: CtVolume, scan: tuple[Path, list[Path]]
) -> None:
    folder, files = scan
    series = str(dcmread(files[0]).SeriesInstanceUID)
    table = write_table(tmp_path / "t.csv", [(series, *FAINT_LPS, 0.99)])
    image = write_nifti(
        tmp_path / "l.nii.gz",
        ball(volume.geometry, FAINT_LPS, FAINT_RADIUS).astype(np.uint8),
        volume.geometry,
    )
    seg = write_seg(tmp_path / "s.dcm", files, {"nodule": ball(volume.geometry, BIG, 8.0)})
    out = tmp_path / "out"
    done = detect(
        folder, "-o", out, "--candidates", f"net={table}", "--candidates", image,
        "--candidates", f"seg of others={seg}#nodule",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    where, result = result_of(out)
    sources = {s["name"]: s for s in result["candidate_sources"]}
    assert list(sources) == [OWN, "net", "l", "seg of others"]
    assert [s["form"] for s in sources.values()] == [
        "segmentation", "table", "label-map", "dicom-seg",
    ]  # fmt: skip
    assert sources["seg of others"]["algorithm"] == "a network of others"
    by_names = {tuple(s["source"] for s in f["seen_by"]): f for f in result["findings"]}
    faint = by_names["net", "l"]
    assert faint["outlined_by"] == "source"
    assert by_names[OWN, "seg of others"]["outlined_by"] == "segmentation"
    assert (OWN,) in by_names

    report = (where / "report.html").read_text()
    assert "net (99 %), l" in report
    assert "seg of others" in report
    assert "a network of others" in report
    elements = dcmread(where / "nodules_sr.dcm").iterall()
    texts = [str(one.value) for one in elements if one.keyword == "TextValue"]
    assert "marked by net (99 %), l" in texts
    assert "outline from source" in texts
    start = "candidates seg of others (dicom-seg by a network of others) weight 1"
    assert any(text.startswith(start) for text in texts)
    segments = dcmread(where / "nodules_seg.dcm").SegmentSequence
    made_by = {
        int(s.SegmentNumber): s.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName
        for s in segments
    }
    assert made_by[faint["id"]] == "net"
    assert set(made_by.values()) == {"Nodulus", "net"}

    CliRunner().invoke(cli, ["export", str(where), "--to", "csv", "-o", str(tmp_path / "exported")])
    rows = list(csv.DictReader(next((tmp_path / "exported").rglob("findings.csv")).open()))
    row = rows[faint["id"] - 1]
    assert (row["seen_by"], row["outlined_by"]) == ("net; l", "source")


def test_the_options_are_checked(tmp_path: Path, scan: tuple[Path, list[Path]]) -> None:
    folder, _ = scan
    assert detect(folder, "-o", tmp_path / "o", "--candidates-only").exit_code == 2
    done = detect(folder, "-o", tmp_path / "o", "--candidates", f"net={tmp_path / 'none.csv'}")
    assert done.exit_code == 1
    assert "input-not-found" in done.output


def test_only_and_deidentified_no_file_is_named_and_marks_still_match(
    tmp_path: Path, scan: tuple[Path, list[Path]]
) -> None:
    folder, files = scan
    series = str(dcmread(files[0]).SeriesInstanceUID)
    table = write_table(tmp_path / "of_a_patient.csv", [(series, *FAINT_LPS, 0.99)])
    out = tmp_path / "out"
    done = detect(folder, "-o", out, "--candidates", table, "--deidentify", "--no-report")
    assert done.exit_code == 1
    assert "--candidates NAME=FILE" in done.output
    done = detect(
        folder, "-o", out, "--candidates", f"net={table}", "--candidates-only", "--deidentify",
        "--no-report",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    where, result = result_of(out)
    (finding,) = result["findings"]
    assert [s["source"] for s in finding["seen_by"]] == ["net"]
    assert finding["center_lps_mm"] == pytest.approx(FAINT_LPS, abs=1.0)
    for file in where.iterdir():
        assert b"of_a_patient" not in file.read_bytes()


def test_what_comes_with_the_study_and_a_folder_are_candidates(
    tmp_path: Path, volume: CtVolume, scan: tuple[Path, list[Path]]
) -> None:
    folder, files = scan
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ct").symlink_to(folder)
    mask = ball(volume.geometry, BIG, 8.0)
    write_seg(tmp_path / "in" / "seg.dcm", files, {"nodule": mask})
    marks = tmp_path / "marks" / str(dcmread(files[0]).SeriesInstanceUID)
    marks.mkdir(parents=True)
    write_nifti(marks / "labels.nii.gz", mask.astype(np.uint8), volume.geometry)
    done = detect(
        tmp_path / "in", "-o", tmp_path / "out", "--candidates", f"net={tmp_path / 'marks'}",
        "--candidates-of-study", "--candidates-only", "--no-report",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    _, result = result_of(tmp_path / "out")
    (finding,) = result["findings"]
    assert [s["source"] for s in finding["seen_by"]] == [OWN, "net", "study"]
    forms = {s["name"]: s["form"] for s in result["candidate_sources"]}
    assert forms == {OWN: "segmentation", "net": "label-map", "study": "dicom-seg"}


@pytest.mark.parametrize("command", ["cohort", "serve", "node"])
def test_a_file_that_names_no_scan_is_refused_where_many_come(
    tmp_path: Path, volume: CtVolume, command: str
) -> None:
    image = write_nifti(
        tmp_path / "l.nii.gz", ball(volume.geometry, BIG, 8.0).astype(np.uint8), volume.geometry
    )
    where = {
        "cohort": [str(tmp_path), "-o", str(tmp_path / "out")],
        "serve": [str(tmp_path / "data")],
        "node": ["--state", str(tmp_path / "state")],
    }[command]
    done = CliRunner().invoke(cli, [command, *where, "--candidates", str(image)])
    assert done.exit_code == 1
    assert "does not say of which scan it is" in " ".join(done.output.split())


@pytest.mark.parametrize("kind", ["table", "image", "seg", "twice", "folder"])
def test_files_of_other_scans_are_refused_before_any_work(
    tmp_path: Path, volume: CtVolume, scan: tuple[Path, list[Path]], kind: str
) -> None:
    folder, files = scan
    given: list[object] = []
    source: Path = folder
    if kind == "table":
        given = [write_table(tmp_path / "t.csv", [("9.9", *BIG, 0.5)])]
        words = "None of its 1 series (such as 9.9) is in the input"
    elif kind == "image":
        mask = ball(volume.geometry, BIG, 8.0).astype(np.uint8)
        given = [write_nifti(tmp_path / "l.nii.gz", mask, volume.geometry)]
        source = tmp_path / "two"
        write_series(source / "a", volume.hu[:20], step_mm=6.0, spacing_mm=(1.5, 1.5))
        write_series(
            source / "b", volume.hu[:20], step_mm=6.0, spacing_mm=(1.5, 1.5), study="other"
        )
        words = "does not say of which scan it is, and the input has 2"
    elif kind == "folder":
        mask = ball(volume.geometry, BIG, 8.0).astype(np.uint8)
        given = [write_nifti(tmp_path / "9.9.nii.gz", mask, volume.geometry).parent]
        words = "None of its files is of a scan of the input"
    elif kind == "seg":

        def of_another(seg: Any) -> None:
            seg.StudyInstanceUID = "1.2.840.99"

        mask = ball(volume.geometry, BIG, 8.0)
        given = [write_seg(tmp_path / "s.dcm", files, {"nodule": mask}, edit=of_another)]
        words = "another study than any of the input"
    else:
        one = write_table(tmp_path / "t.csv", [("9.9", *BIG, 0.5)])
        given = [f"net={one}", f"net={one}"]
        words = "Two sources of candidates are called 'net'"
    options = [part for one in given for part in ("--candidates", one)]
    done = detect(source, "-o", tmp_path / "out", *options)
    assert done.exit_code == 1
    assert "candidates-invalid" in done.output
    assert words in " ".join(done.output.split())
    assert not list((tmp_path / "out").glob("*/findings.json"))
