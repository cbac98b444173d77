"""The state of a cohort outlives any end of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodulus.app.cohort.ledger import WHOLE_ITEM, Ledger, Outcome
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.cohort.stand_in import item

ITEMS = [item("a"), item("b")]


def begun(path: Path, fingerprint: str = "one", **options: bool) -> Ledger:
    ledger = Ledger(path, fingerprint)
    ledger.begin(ITEMS, **options)
    return ledger


def names(ledger: Ledger) -> set[str]:
    given = ledger.given()
    return {given[key] for key in ledger.open_items()}


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.sqlite"
    ledger = begun(path)
    for one in ITEMS:
        ledger.start(one.id)
    ledger.write(Outcome(ITEMS[0].id, "a", "done"))
    ledger.end(ITEMS[0].id)  # and here the power is cut
    ledger.close()
    assert names(begun(path)) == {"b"}


def test_failed_studies_are_tried_again_on_request_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = begun(path)
    ledger.write(Outcome(ITEMS[0].id, "a", "failed", code="worker-died"))
    ledger.write(Outcome(ITEMS[1].id, "b", "refused", code="no-lungs"))
    for one in ITEMS:
        ledger.end(one.id)
    ledger.close()
    assert names(begun(path)) == set()
    assert names(begun(path, retry_failed=True)) == {"a"}


def test_other_weights_or_settings_open_everything_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = begun(path)
    ledger.write(Outcome(ITEMS[0].id, "a", "done"))
    ledger.end(ITEMS[0].id)
    ledger.close()
    again = begun(path, "two")
    assert names(again) == {"a", "b"}
    assert list(again.outcomes()) == []


def test_an_item_s_own_error_goes_when_its_study_has_an_outcome(tmp_path: Path) -> None:
    ledger = begun(tmp_path / "ledger.sqlite")
    ledger.write(Outcome(ITEMS[0].id, WHOLE_ITEM, "failed", code="time-limit"))
    ledger.write(Outcome(ITEMS[0].id, "a", "done", findings=3))
    assert [(o.key, o.status, o.findings) for o in ledger.outcomes()] == [("a", "done", 3)]


def test_a_result_that_was_removed_is_made_again(tmp_path: Path) -> None:
    ledger = begun(tmp_path / "ledger.sqlite")
    for one in ITEMS:
        (tmp_path / one.given).mkdir()
        (tmp_path / one.given / "findings.json").touch()
        ledger.write(Outcome(one.id, one.given, "done", folder=one.given))
        ledger.end(one.id)
    (tmp_path / "b" / "findings.json").unlink()
    assert ledger.reopen_without_result(tmp_path, "findings.json") == 1
    assert names(ledger) == {"b"}
    assert ledger.claim(ITEMS[1].id, ["b"]) == ["b"]


def test_two_runs_of_one_shard_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "cohort" / "ledger.sqlite"
    first, second = Ledger(path), Ledger(path)
    with first.alone():
        with pytest.raises(NodulusError, match="Another run is at work") as caught, second.alone():
            pass
        assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    with second.alone():
        pass


def test_problems_take_the_place_of_those_of_an_earlier_run(tmp_path: Path) -> None:
    ledger = begun(tmp_path / "ledger.sqlite")
    broken = NodulusError(ErrorCode.TRUNCATED_FILE, "short.", remedy="Copy it.", subject="x.dcm")
    ledger.write_problems(ITEMS[0].id, [broken, broken])
    ledger.write_problems(ITEMS[0].id, [broken])
    assert [str(problem) for problem in ledger.problems()] == [str(broken)]
