"""The tables hold what findings.json says, missing values included."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nodulus.app.cohort import run_cohort
from nodulus.app.cohort.cohort_page import write_page
from nodulus.app.cohort.item_runner import RunnerOptions, run_fingerprint
from nodulus.app.cohort.ledger import Ledger, Outcome
from nodulus.app.cohort.run_cohort import (
    STATE_FOLDER,
    Shard,
    study_rows,
    summing_up,
    write_tables,
)
from nodulus.app.cohort.tables import FINDING_COLUMNS, STUDY_COLUMNS, StudyRow
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.result import Finding, StudyResult, VolumeInfo
from nodulus.app.results.answer import answers
from nodulus.app.results.summary_lines import category_words
from nodulus.app.results.texts import Texts
from tests.app.cohort.stand_in import item
from tests.app.guidelines.test_assess import PLAIN


def finding(number: int, **values: object) -> Finding:
    line = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    return Finding(
        id=number,
        tracking_uid=f"2.25.{number}",
        center_lps_mm=(10.0 * number, -20.5, 3.25),
        center_index_irc=(1.0, 2.0, 3.0),
        nodule_probability=0.8,
        segmentation_probability=0.9,
        perpendicular_diameter_mm=4.0,
        longest_diameter_ends_lps_mm=line,
        perpendicular_diameter_ends_lps_mm=line,
        equivalent_diameter_mm=5.0,
        volume_mm3=100.0,
        mean_hu=-50.0,
        sd_hu=10.0,
        voxel_count=100,
        **values,
    )


def result_of(*findings: Finding) -> StudyResult:
    rows = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    return StudyResult(
        nodulus_version="1",
        created="2025-01-31T12:34:56+00:00",
        study_uid="1.2",
        series_uid="1.2.3",
        volume=VolumeInfo(
            source_format="dicom",
            shape_irc=(9, 8, 7),
            spacing_irc_mm=(2.0, 1.0, 1.0),
            affine_lps=rows,
        ),
        models=(),
        operating_points=(),
        findings=findings,
    )


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Two shards: a study with two findings, one with none, one refused and one that failed."""
    first = Ledger(tmp_path / STATE_FOLDER / f"{Shard(1, 2).name()}.sqlite")
    second = Ledger(tmp_path / STATE_FOLDER / f"{Shard(2, 2).name()}.sqlite")
    items = [item(name) for name in ("two", "none", "refused", "failed")]
    first.begin(items[:2])
    second.begin(items[2:])
    results = {
        "two": result_of(
            finding(1, malignancy_probability=0.9, longest_diameter_mm=8.0, suspicious=True),
            finding(2, malignancy_probability=0.2, longest_diameter_mm=12.5, suspicious=False),
        ),
        "none": result_of(),
    }
    for one in items[:2]:
        save(tmp_path / one.given, results[one.given])
        count = len(results[one.given].findings)
        first.write(
            Outcome(one.id, one.given, "done", folder=one.given, findings=count, wall_s=3.0)
        )
    second.write(Outcome(items[2].id, "refused", "refused", code="no-lungs", message="<none>"))
    second.write(Outcome(items[3].id, "", "failed", code="time-limit", message="\udcff long"))
    return tmp_path


def save(folder: Path, result: StudyResult) -> None:
    folder.mkdir()
    (folder / "findings.json").write_text(result.model_dump_json(), encoding="utf-8")
    (folder / "report.html").touch()


def test_both_formats_say_the_same(output: Path) -> None:
    studies_csv, studies_parquet, findings_csv, findings_parquet = write_tables(output)
    rows = list(csv.DictReader(studies_csv.open(encoding="utf-8")))
    table = pq.read_table(studies_parquet).to_pylist()
    assert [row["status"] for row in rows] == [row["status"] for row in table]
    two = next(row for row in table if row["study"] == "two")
    assert (two["findings"], two["suspicious"]) == (2, 1)
    assert (two["highest_malignancy"], two["largest_diameter_mm"]) == (0.9, 12.5)
    none = next(row for row in table if row["study"] == "none")
    assert (none["findings"], none["highest_malignancy"]) == (0, None)
    refused = next(row for row in table if row["code"] == "no-lungs")
    assert refused["findings"] is None
    assert len(table) == 4
    found = pq.read_table(findings_parquet).to_pylist()
    assert [(row["folder"], row["id"], row["suspicious"]) for row in found] == [
        ("two", 1, True),
        ("two", 2, False),
    ]
    result = json.loads((output / "two" / "findings.json").read_text(encoding="utf-8"))
    centers = [f["center_lps_mm"] for f in result["findings"]]
    assert [[row["x_mm"], row["y_mm"], row["z_mm"]] for row in found] == centers
    assert len(findings_csv.read_text(encoding="utf-8").splitlines()) == 3


def test_shards_that_end_at_one_moment_leave_tables_with_all(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that read first, before the other's last study, is also the one that is slow."""
    has_read, other_is_done = threading.Event(), threading.Event()

    def slow_rows(folder: Path) -> Iterator[StudyRow]:
        rows = list(study_rows(folder))
        if not has_read.is_set():
            has_read.set()
            other_is_done.wait(1.0)
        yield from rows

    def sum_up() -> None:
        with summing_up(output):
            write_tables(output)

    monkeypatch.setattr(run_cohort, "study_rows", slow_rows)
    first = threading.Thread(target=sum_up)
    first.start()
    assert has_read.wait(30.0)
    late = item("late")
    other = Ledger(output / STATE_FOLDER / f"{Shard(2, 2).name()}.sqlite")
    other.begin([late])
    other.write(Outcome(late.id, "late", "refused", code="no-lungs", message=""))
    other.close()
    sum_up()
    other_is_done.set()
    first.join(30.0)
    studies = pq.read_table(output / STATE_FOLDER / "studies.parquet").to_pylist()
    assert "late" in {row["study"] for row in studies}
    assert len(studies) == 5


def test_tables_that_another_run_writes_for_too_long_are_an_error(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_cohort, "SUMMING_UP_WAIT_S", 0.1)
    with (
        summing_up(output),
        pytest.raises(NodulusError, match="the same command") as caught,
        summing_up(output),
    ):
        pass
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE


def test_what_guidelines_ask_for_is_a_column_each(output: Path) -> None:
    facts = ClinicalFacts(screening=False, age_years=60, high_risk=False, immunosuppressed=False,
                          known_cancer=False, findings={1: PLAIN})  # fmt: skip
    found = result_of(finding(1, malignancy_probability=0.9, longest_diameter_mm=8.0,
                              suspicious=True, texture="solid"))  # fmt: skip
    guided = found.model_copy(
        update={"guidance": study_guidance(found.findings, known_facts(facts, None, None))}
    )
    (output / "two" / "findings.json").write_text(guided.model_dump_json(), encoding="utf-8")
    rows = pq.read_table(write_tables(output)[1]).to_pylist()
    two, none = (next(row for row in rows if row["study"] == name) for name in ("two", "none"))
    said = {one.guideline: category_words(one, Texts()) for one in answers(guided.guidance)}
    assert two["fleischner"] == said["Fleischner 2017"]
    assert two["bts"] == said["BTS 2015"]
    assert two["fleischner"] != two["bts"]
    assert none["lung_rads"] is none["fleischner"] is None


def test_another_clinical_file_is_another_run(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    prints = [run_fingerprint(RunnerOptions(tmp_path))]
    for age in (60, 61):
        path.write_text(f"study_uid,age_years\n1.2,{age}\n")
        prints.append(run_fingerprint(RunnerOptions(tmp_path, clinical=path)))
    assert len(set(prints)) == 3


def test_what_may_hold_a_name_is_left_out_on_request(output: Path) -> None:
    table = pq.read_table(write_tables(output, deidentify=True)[1])
    assert not {"input", "message"} & set(table.column_names)
    assert "&lt;none&gt;" not in write_page(output, deidentify=True).read_text(encoding="utf-8")


def test_the_page_counts_and_escapes(output: Path) -> None:
    page = write_page(output).read_text(encoding="utf-8")
    assert "<b>2</b>done" in page
    assert "<b>1</b>refused" in page
    assert "&lt;none&gt;" in page
    assert '<a href="../two/report.html">two</a>' in page
    assert "0.90" in page
    assert "time-limit" in page


def test_the_documentation_lists_every_column() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "cohort.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^\| `(\w+)` \| (text|integer|number|flag) \|", page)
    assert listed == [(c.name, c.kind) for c in (*STUDY_COLUMNS, *FINDING_COLUMNS)]
