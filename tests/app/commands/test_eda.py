"""The report of a folder in which each kind of fault is planted."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import SimpleITK
from click.testing import CliRunner

pytest.importorskip("matplotlib", reason="the train extra")

from nodulus.app.commands.eda import command
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.splits import Side, write_split
from tests.bundles.fake_data import write_fake_data

FAULTS = {
    "outside-volume": ("1.2.3.0.0", {"center_z_lps_mm": 900.0, "label": 1}),
    "outside-lungs": ("1.2.3.0.0", {"center_y_lps_mm": 62.0, "label": 1, "diameter_mm": 10.0}),
    "size-impossible": ("1.2.3.0.1", {"center_z_lps_mm": -60.0, "diameter_mm": -1.0, "label": 1}),
    "label-missing": ("1.2.3.0.2", {"center_z_lps_mm": -45.0, "label": 77, "diameter_mm": 4.0}),
}


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four scans with faults, a fifth that is the first's copy under another name, and wrecks."""
    root = write_fake_data(tmp_path_factory.mktemp("eda") / "planted", 4)
    studies, nodules = _rows(root / "studies.csv"), _rows(root / "nodules.csv")
    luna = root / "luna16"
    for uid, changes in FAULTS.values():
        like = next(row for row in nodules if row["series_uid"] == uid)
        nodules.append({**like, **changes, "malignancy": "", "lidc_patient": ""})
    nodules.append(dict(nodules[0]))  # same-place
    nodules = [n for n in nodules if (n["series_uid"], n["label"]) != ("1.2.3.0.3", "2")]
    image = SimpleITK.ReadImage(str(luna / "subset0" / "1.2.3.0.0.mhd"))
    (luna / "subset4").mkdir()
    SimpleITK.WriteImage(image, str(luna / "subset4" / "1.2.3.0.4.mhd"))
    studies.append({"series_uid": "1.2.3.0.4", "study_uid": "9", "patient_id": "Smith^John"})
    (luna / "subset5").mkdir()
    for suffix in ("mhd", "raw"):
        shutil.copy(luna / "subset1" / f"1.2.3.0.1.{suffix}", luna / "subset5")
    (luna / "subset6").mkdir()
    SimpleITK.WriteImage(image + 1024, str(luna / "subset6" / "1.2.3.0.6.mhd"))
    (luna / "subset7").mkdir()
    (luna / "subset7" / "1.2.3.0.7.mhd").write_text("ObjectType = Image\n")
    studies += [
        {"series_uid": f"1.2.3.0.{n}", "study_uid": "9", "patient_id": "P0-0"} for n in (6, 7)
    ]
    for study, kernel in zip(studies, ("B30f", "LUNG", "LUNG"), strict=False):
        study["kernel"] = kernel
    _write(root / "studies.csv", [{"kernel": "", **study} for study in studies])
    _write(root / "nodules.csv", nodules)
    sides = dict.fromkeys(("P0-0", "P0-1", "P0-2"), Side.TRAINING)
    others = {"P0-3": Side.VALIDATION, "Smith^John": Side.VALIDATION}
    write_split(root / "splits.json", {**sides, **others}, 0)
    return root


def run(*arguments: object) -> Any:
    return CliRunner().invoke(command, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def report(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The page and the numbers."""
    out = tmp_path_factory.mktemp("report")
    before = sorted((p, p.stat().st_mtime_ns) for p in planted.rglob("*"))
    done = run(planted, "-o", out / "sub" / "report.html", "--json", out / "numbers.json")
    assert done.exit_code == 0, done.output
    assert sorted((p, p.stat().st_mtime_ns) for p in planted.rglob("*")) == before
    assert "8 scans" in done.output
    page = (out / "sub" / "report.html").read_text(encoding="utf-8")
    return page, json.loads((out / "numbers.json").read_text())


def test_counts(report, planted):
    _, numbers = report
    counts = numbers["counts"]
    # 4 scans with 2 nodules, one of which is struck out, 4 faults, one there twice, and subset5's
    # second copy of a scan with 3
    assert counts["scans"] == 8
    assert counts["patients"] == 5
    assert counts["nodules"] == 8 - 1 + len(FAULTS) + 1 + 3
    assert counts["candidates"] == [8 + 2, 16 + 4]
    assert counts["scans_with_mask"] == 5
    table = _rows(planted / "nodules.csv")
    again = [n for n in table if n["series_uid"] == "1.2.3.0.1"]
    malignant = sum(n["malignancy"] == "4.0" for n in table + again)
    assert numbers["malignancy"]["malignant"] == malignant == 4
    assert numbers["malignancy"]["benign"] == 4 + 1 + 1
    assert numbers["malignancy"]["auc"] == 1.0
    assert numbers["facts"]["kernel"] == {"LUNG": 3, "B30f": 1}
    assert numbers["slice_spacing"]["median"] == 2.5


def test_suspicious_cases(report):
    _, numbers = report
    found = Counter((case["kind"], case["series_uid"]) for case in numbers["suspicions"])
    wanted = Counter((kind, uid) for kind, (uid, _) in FAULTS.items())
    wanted["size-impossible", "1.2.3.0.1"] += 1  # in the scan's second copy as well
    wanted["same-place", "1.2.3.0.0"] += 1
    wanted["label-unlisted", "1.2.3.0.3"] += 1
    wanted["hu-impossible", "1.2.3.0.6"] += 1
    wanted["no-lungs", "1.2.3.0.6"] += 1
    wanted["image-broken", "1.2.3.0.7"] += 1
    extra = {"class-differs"}  # follow from the nodules that were moved and struck out
    assert Counter({k: n for k, n in found.items() if k[0] not in extra}) == wanted
    assert ("class-differs", "1.2.3.0.3") in found


def test_duplicates(report):
    _, numbers = report
    assert numbers["duplicates"] == {
        "same_voxels": [["1.2.3.0.0", "1.2.3.0.4"], ["1.2.3.0.1", "1.2.3.0.1"]],
        "across_sides": [["1.2.3.0.0", "1.2.3.0.4"]],
        "same_series": [["1.2.3.0.1", "1.2.3.0.1"]],
        "same_patient": [["1.2.3.0.0", "1.2.3.0.6", "1.2.3.0.7"]],
    }


def test_split_of_the_folder(report):
    _, numbers = report
    split = numbers["split"]
    assert split["source"] == "splits.json"
    assert [(s["name"], s["patients"], s["features"]["scans"]) for s in split["sides"]] == [
        ("training", 3, 6),
        ("validation", 2, 2),
    ]
    assert split["sides"][1]["features"]["nodules"] == 1


def test_positions(report):
    _, numbers = report
    first = [n for n in numbers["nodules"] if n["series_uid"] == "1.2.3.0.2"][:2]
    assert [n["side"] for n in first] == ["right", "left"]
    assert all(0 < value < 1 for n in first for value in n["position"])
    assert first[0]["position"][0] < 0.5 < first[1]["position"][0]


def test_the_page_needs_nothing_else_and_names_no_patient(report):
    page, numbers = report
    assert "Smith" not in page
    assert "Smith" not in json.dumps(numbers)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert "<script" not in page
    assert sum(source.startswith("data:image/svg+xml") for source in sources) == 8


def test_the_page_shows_each_kind_of_case(report):
    page, numbers = report
    for case in numbers["suspicions"]:
        assert f'id="{case["kind"]}"' in page
    # one slice a case but of the broken image, and the samples of three size classes
    slices = page.count("data:image/jpeg")
    assert slices > len(numbers["suspicions"]) - 1
    assert page.count('class="blank"') == 1


def test_another_splits_file(planted, tmp_path):
    path = tmp_path / "mine.json"
    write_split(path, dict.fromkeys(("P0-0", "P0-1", "P0-2", "P0-3"), Side.TEST), 0)
    out = tmp_path / "r.html"
    done = run(planted, "-o", out, "--splits-file", path, "--json", tmp_path / "n.json")
    assert done.exit_code == 0, done.output
    split = json.loads((tmp_path / "n.json").read_text())["split"]
    assert split["source"] == "mine.json"
    assert [side["name"] for side in split["sides"]] == ["test", "in no side"]


@pytest.mark.parametrize("arguments", [[], ["--splits-file", "none.json"]])
def test_what_cannot_be_read(tmp_path, arguments):
    done = run(tmp_path, "-o", tmp_path / "r.html", *arguments)
    assert isinstance(done.exception, NodulusError)
    assert done.exception.code is ErrorCode.INPUT_NOT_READABLE
    assert not (tmp_path / "r.html").exists()


def test_a_second_run_measures_only_what_is_new(planted, tmp_path, monkeypatch):
    from nodulus.app.data.eda import survey

    looked = []
    inspect = survey.inspect_study
    monkeypatch.setattr(
        survey, "inspect_study", lambda study: looked.append(study) or inspect(study)
    )
    numbers = []
    for n in range(2):
        looked.clear()
        done = run(planted, "-o", tmp_path / "r.html", "--json", tmp_path / f"{n}.json")
        assert done.exit_code == 0, done.output
        numbers.append((tmp_path / f"{n}.json").read_text())
        # the one that is broken is tried each time
        assert len(looked) == (8, 1)[n]
    assert numbers[0] == numbers[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "0.json", "1.json", "r.facts.jsonl", "r.html",
    ]  # fmt: skip


def test_a_run_that_was_stopped_keeps_what_it_measured(planted, tmp_path, monkeypatch):
    from nodulus.app.data.eda import survey

    inspect, looked = survey.inspect_study, []

    def stopped(study):
        if len(looked) == 3:
            raise KeyboardInterrupt
        looked.append(study)
        return inspect(study)

    monkeypatch.setattr(survey, "inspect_study", stopped)
    assert run(planted, "-o", tmp_path / "r.html").exit_code != 0
    assert [p.name for p in tmp_path.iterdir()] == ["r.facts.jsonl"]
    assert len((tmp_path / "r.facts.jsonl").read_text().splitlines()) == 3
    monkeypatch.setattr(
        survey, "inspect_study", lambda study: looked.append(study) or inspect(study)
    )
    assert run(planted, "-o", tmp_path / "r.html").exit_code == 0
    assert len(looked) == 8
