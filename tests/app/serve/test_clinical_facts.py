"""What is known of patients reaches the service's workers, whenever the file is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

pytest.importorskip("fastapi")

from nodulus.app.cohort import item_runner
from nodulus.app.cohort.item_runner import ItemRunner, RunnerOptions
from nodulus.app.cohort.items import CohortItem
from nodulus.app.commands.root import cli
from nodulus.app.run import StudyOutcome
from nodulus.app.serve.service import Service
from tests.app.serve.service_samples import make_study, wait_for, zipped


def test_facts_of_one_patient_are_refused_before_anything_begins(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text('{"age_years": 61}')
    done = CliRunner().invoke(cli, ["serve", str(tmp_path / "data"), "--clinical", str(facts)])
    assert done.exit_code == 1
    assert "which study" in done.output


def test_a_worker_takes_what_the_file_says_when_the_study_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, images = tmp_path / "facts.json", tmp_path / "images"
    facts.write_text("{}")
    make_study(images, "a")
    said: list[tuple[str, bool | None]] = []

    def note(study: Any, *given: Any) -> StudyOutcome:
        found = given[-2].facts_of(study.key)
        said.append((study.key, None if found is None else found.screening))
        return StudyOutcome(study, None, None)

    monkeypatch.setattr(item_runner, "load_models", lambda *_: None)
    monkeypatch.setattr(item_runner, "run_one", note)
    options = RunnerOptions(tmp_path / "out", clinical=facts, clinical_may_change=True)
    runner = ItemRunner(options)

    def run() -> None:
        item = CohortItem("a", "a", path=images)
        runner.run(item, lambda _item, keys: list(keys), lambda *_: None, lambda _: None)

    run()
    ((key, known),) = said
    assert known is None
    facts.write_text(f'{{"{key}": {{"screening": true}}}}')
    run()
    assert said[1:] == [(key, True)]


def test_a_reader_enters_them_and_the_log_says_who_and_when(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    client.post("/studies", content=zipped(make_study(tmp_path / "a", "a")))
    service.start(lambda: None)
    wait_for(lambda: service.queue.counts()["done"] == 1)
    ((key, *_),) = service.queue.studies()[1][0].results
    client.get("/api/studies")
    study = f"/api/studies/{key}"
    before = client.get(f"{study}/guidance").json()
    assert (before["entered"], before["known"]) == (None, [])
    assert {one["guideline"] for one in before["advice"]} >= {"Lung-RADS v2022", "BTS 2015"}

    entry = {"kind": "clinical", "expected_version": 0, "data": {"facts": {"screening": False}}}
    assert client.post(f"{study}/entries", json=entry).json()["version"] == 1
    after = client.get(f"{study}/guidance").json()
    assert after["entered"]["screening"] is False
    assert after["entered"]["emphysema"] is None
    assert after["known"] == [{"name": "screening", "value": False, "source": "reader"}]
    assert {one["guideline"] for one in after["advice"]} == {"Fleischner 2017", "BTS 2015"}
    (logged,) = client.get(f"{study}/log").json()
    assert (logged["who"], logged["data"]) == ("A", {"facts": {"screening": False}})
    assert logged["at"] > "2020"

    wrong = {**entry, "expected_version": 1, "data": {"facts": {"smoker": True}}}
    assert client.post(f"{study}/entries", json=wrong).status_code == 422
    about = {**entry, "expected_version": 1, "finding": "1"}
    assert client.post(f"{study}/entries", json=about).status_code == 422
    assert client.get(study).json()["version"] == 1
