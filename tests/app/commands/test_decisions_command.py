"""`nodulus decisions` on a store of decisions; no image is needed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.app.data.prepare.luna16_tables import (
    read_candidate_rows,
    read_nodule_rows,
    read_series_list,
)
from nodulus.app.review.entries import Kind, parse_data
from nodulus.app.review.store import NewEntry, Store
from tests.app.review.review_samples import make_result

ACCEPT_AND_REJECT: tuple[tuple[Kind, str | None, dict[str, Any]], ...] = (
    ("accept", "1", {}),
    ("change", "1", {"malignancy": 4}),
    ("reject", "2", {"reason": "scar"}),
    ("sign-off", None, {}),
)
UNSURE: tuple[tuple[Kind, str | None, dict[str, Any]], ...] = (
    ("accept", "1", {}),
    ("unsure", "2", {}),
    ("sign-off", None, {}),
)


def decided(root: Path, name: str, log: Any) -> None:
    """A study's result, and decisions on it."""
    result = make_result().model_copy(update={"series_uid": f"1.2.{name}", "study_uid": name})
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "findings.json").write_text(result.model_dump_json(), encoding="utf-8")
    store = Store.in_folder(root)
    analysis = store.register(name, result)
    for version, (kind, finding, data) in enumerate(log):
        new = NewEntry("Doe^Jane", "reader", kind, finding, parse_data(kind, data))
        store.append(analysis, "", new, version)
    store.close()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["decisions", *map(str, arguments)])


def test_signed_off_studies_are_tables_that_prepare_reads(tmp_path: Path) -> None:
    decided(tmp_path / "in", "7", ACCEPT_AND_REJECT)
    decided(tmp_path / "in", "8", UNSURE)
    decided(tmp_path / "in", "9", ACCEPT_AND_REJECT[:-1])
    result = run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 with a finding that is unsure: not in the training data" in result.output
    assert "2 signed off; 2 accepted, 1 rejected, 1 unsure, 0 added" in result.output
    nodules, _, problems = read_nodule_rows(tmp_path / "out" / "nodules.csv")
    assert not problems
    ((uid, (nodule,)),) = nodules.items()
    assert uid == "1.2.7"
    assert tuple(nodule.center_lps_mm) == (1.0, 2.0, 3.0)
    assert (nodule.diameter_mm, nodule.malignancy) == (7.0, 4.0)
    candidates, problems = read_candidate_rows(tmp_path / "out" / "candidates.csv")
    assert not problems
    assert [c.is_nodule for c in candidates["1.2.7"]] == [True, False]
    listed, problems = read_series_list(tmp_path / "out" / "series.txt")
    assert (list(listed), list(problems)) == (["1.2.7"], [])
    rows = list(csv.DictReader((tmp_path / "out" / "findings.csv").open(encoding="utf-8")))
    assert {row["seriesuid"] for row in rows} == {"1.2.7", "1.2.8"}
    told = json.loads((tmp_path / "out" / "agreement.json").read_text(encoding="utf-8"))
    assert told["all"]["studies"] == 2
    assert told["by_version"]["0, sensitive"]["accepted"] == 2


def test_nothing_signed_off_is_an_error(tmp_path: Path) -> None:
    decided(tmp_path / "in", "9", ACCEPT_AND_REJECT[:-1])
    result = run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "not-signed-off" in result.output
    assert not (tmp_path / "out").exists()


def test_without_any_decision_no_database_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "7"
    folder.mkdir(parents=True)
    (folder / "findings.json").write_text(make_result().model_dump_json(), encoding="utf-8")
    assert "not-signed-off" in run(tmp_path / "in", "-o", tmp_path / "out").output
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["7"]


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_without_results_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / name, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert name in result.output


@pytest.mark.parametrize("command", ["decisions", "review", "serve"])
def test_the_rule_of_readers_is_taken_from_the_settings(tmp_path: Path, command: str) -> None:
    """One that does not hold is told; where nobody looked at it the command would go on."""
    pytest.importorskip("prometheus_client")
    decided(tmp_path / "in", "7", ACCEPT_AND_REJECT)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "review.json").write_text('{"outlines_agree_dice": 1.5}')
    more = {"decisions": ["-o", tmp_path / "out"], "review": ["--no-browser"], "serve": []}
    arguments = [command, tmp_path / "in", "--settings", tmp_path / "own", *more[command]]
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 1
    assert "outlines_agree_dice" in result.output
