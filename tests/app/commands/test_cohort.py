"""`nodulus cohort` on synthetic chests, with the networks of the tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread

from nodulus.app.commands.cohort import sigterm_interrupts
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import ball, write_nifti, write_seg, write_table
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS
from tests.app.telemetry.otlp_collector import Collector, attributes, collecting


def cohort(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["cohort", *map(str, arguments)])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """A chest in a folder, one in a zip file, the first one once more, and a head."""
    root = tmp_path_factory.mktemp("cohort")
    place: dict[str, Any] = {
        "spacing_mm": (1.5, 1.5),
        "step_mm": 2.0,
        "first_lps_mm": volume.geometry.affine_lps[:3, 3],
    }
    write_series(root / "in" / "a", volume.hu, study="a", series="1", **place)
    write_series(root / "b", volume.hu, study="b", series="1", **place)
    shutil.make_archive(str(root / "in" / "b"), "zip", root / "b")
    shutil.make_archive(str(root / "in" / "again"), "zip", root / "in" / "a")
    head = np.maximum(volume.hu, -50)
    write_series(root / "in" / "head", head, study="head", series="1", **place)
    return root / "in"


def studies(output: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(output / "cohort" / "studies.parquet").to_pylist()
    return rows


def check_what_was_told(output: Path, collector: Collector) -> None:
    """Log, traces and metrics tell of the same studies as the tables."""
    lines = [json.loads(line) for line in (output / "run.jsonl").read_text().splitlines()]
    expected = Counter((row["study"], row["status"]) for row in studies(output))
    expected = Counter({k: n for k, n in expected.items() if k[1] != "duplicate"})
    assert Counter((x["study"], x["status"]) for x in lines if x["event"] == "study") == expected
    spans = [attributes(span) for span in collector.spans if span.name == "study"]
    assert Counter((x["nodulus.study"], x["nodulus.status"]) for x in spans) == expected
    steps = Counter((x.get("study"), x["step"]) for x in lines if x["event"] == "step")
    assert {"read", "lungs", "segmentation"} <= {name for _, name in steps}
    named = [attributes(span) for span in collector.spans if "nodulus.step" in attributes(span)]
    assert Counter(x["nodulus.step"] for x in named) == Counter(
        name for (_, name), n in steps.items() for _ in range(n)
    )
    assert len(collector.roots()) == 4
    metrics = (output / "run.prom").read_text()
    assert 'nodulus_cohort_items{shard="1/1",state="ended"} 4.0' in metrics
    assert 'nodulus_cohort_studies_total{shard="1/1",status="done"} 2.0' in metrics
    assert str(output) not in (output / "run.jsonl").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_every_study_is_accounted_for_and_none_is_done_again(
    source: Path,
    tmp_path: Path,
    quick_bundles: Path,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = ("--log-json", tmp_path / "run.jsonl", "--metrics", tmp_path / "run.prom", "--traces")
    arguments = (source, "-o", tmp_path, "-m", quick_bundles, "--workers", workers, "--no-report")
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        result = cohort(*arguments, *told)
    check_what_was_told(tmp_path, collector)
    assert result.exit_code == 1, result.output
    assert "2 done, 1 refused, 0 failed, 1 duplicates, 0 left" in result.output
    rows = studies(tmp_path)
    assert sorted(row["status"] for row in rows) == ["done", "done", "duplicate", "refused"]
    assert [row["code"] for row in rows if row["status"] == "refused"] == ["not-hounsfield"]
    for row in rows:
        if row["status"] == "done":
            found = json.loads((tmp_path / row["folder"] / "findings.json").read_text())
            assert len(found["findings"]) == row["findings"] > 0
            assert row["cpu_s"] > 0
    made = {row["folder"]: row["created"] for row in rows if row["folder"]}
    again = cohort(*arguments)
    assert "0 to do, 4 done before" in again.output
    assert {r["folder"]: r["created"] for r in studies(tmp_path) if r["folder"]} == made
    manifest = json.loads((tmp_path / "cohort" / "shard-00001-of-00001.json").read_text())
    assert manifest["counts"]["done"] == 2
    assert manifest["workers"] == workers
    assert len(manifest["weights_sha256"]) == 6


@pytest.mark.slow
def test_shards_together_give_the_whole(source: Path, tmp_path: Path, quick_bundles: Path) -> None:
    table = tmp_path / "studies.csv"
    table.write_text(f"path\n{source / 'a'}\n{source / 'b.zip'}\nnowhere\n", encoding="utf-8")
    for shard in ("1/2", "2/2"):
        cohort(
            table, "-o", tmp_path / "out", "-m", quick_bundles, "--workers", 0, "--shard", shard,
            "--no-report", "--no-seg", "--no-sr",
        )  # fmt: skip
    rows = studies(tmp_path / "out")
    assert sorted((row["input"], row["status"], row["code"]) for row in rows) == [
        (str(source / "a"), "done", None),
        (str(source / "b.zip"), "done", None),
        ("nowhere", "refused", "input-not-found"),
    ]
    assert len({row["item"] for row in rows}) == 3
    page = (tmp_path / "out" / "cohort" / "index.html").read_text(encoding="utf-8")
    assert "<b>2</b>done" in page
    assert "input-not-found" in page


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/", "-1/2", "1/0"])
def test_a_shard_that_is_none_is_wrong_usage(tmp_path: Path, shard: str) -> None:
    result = cohort(tmp_path, "-o", tmp_path / "out", "--shard", shard)
    assert result.exit_code == 2
    assert "is not i/n with i from 1 to n" in result.output


def test_a_missing_package_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    result = cohort(tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "package-missing" in result.output
    assert ".[cohort]" in result.output


def test_sigterm_ends_a_run_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_clinical_facts_that_name_no_study_are_refused(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text('{"age_years": 61}')
    result = cohort(tmp_path, "-o", tmp_path / "out", "--clinical", facts)
    assert result.exit_code == 1
    assert "which study" in result.output


@pytest.mark.slow
def test_each_study_has_the_candidates_that_are_of_it(
    source: Path, tmp_path: Path, quick_bundles: Path, volume: CtVolume
) -> None:
    """By table, by the folder's file names, and by what lies in the zip file beside the images."""
    mask = ball(volume.geometry, NODULES_LPS["big"], 8.0).astype(np.uint8)
    series, zipped = (
        str(dcmread(next(folder.glob("*.dcm"))).SeriesInstanceUID)
        for folder in (source / "a", source.parent / "b")
    )
    marks = tmp_path / "marks"
    marks.mkdir()
    write_nifti(marks / f"{series}.nii.gz", mask, volume.geometry)
    table = write_table(tmp_path / "t.csv", [(zipped, *NODULES_LPS["big"], 0.9)])
    given = tmp_path / "in"
    (given / "b").mkdir(parents=True)
    for image in (source.parent / "b").iterdir():
        (given / "b" / image.name).symlink_to(image)
    images = sorted((source.parent / "b").iterdir())
    write_seg(given / "b" / "seg.dcm", images, {"nodule": mask})
    shutil.make_archive(str(given / "b"), "zip", given / "b")
    shutil.rmtree(given / "b")
    (given / "a").symlink_to(source / "a")
    result = cohort(
        given, "-o", tmp_path / "out", "-m", quick_bundles, "--workers", 1, "--no-report",
        "--candidates", f"net={marks}", "--candidates", f"table={table}", "--candidates-of-study",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    seen = {}
    for path in (tmp_path / "out").glob("*/findings.json"):
        found = json.loads(path.read_text())
        seen[found["series_uid"]] = {s["name"]: s["marks"] for s in found["candidate_sources"][1:]}
    assert seen == {series: {"net": 1, "table": 0}, zipped: {"table": 1, "study": 1}}
    manifest = json.loads((tmp_path / "out" / "cohort" / "shard-00001-of-00001.json").read_text())
    assert len(manifest["candidates"]) == 64
