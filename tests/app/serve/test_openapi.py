"""Each route holds to what /api/openapi.json says of it, whatever it is asked (schemathesis)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks, openapi

from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.service_samples import (
    TOKEN,
    make_service,
    make_study,
    wait_for,
    zipped,
)
from tests.app.serve.test_workitem_routes import ELEMENTS, TAGS
from tests.app.serve.workitem_samples import WORKITEMS, make_workitem

PORT = 12350
TRANSACTION = "1.2.826.9"
EXAMPLES = 25
ENDLESS = ("/events",)
"""Answers that end with the client."""
CLAIMED, FREE = "1.2.6", "1.2.7"

openapi.media_type("application/zip", st.binary(max_size=64))
openapi.media_type("multipart/related", st.binary(max_size=64))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service with a study that is done, a workitem that is claimed and one that is free."""
    root = tmp_path_factory.mktemp("service")
    service, desk = make_service(root / "data")
    worklist = Worklist(service.database, workitem_settings())
    for uid in (CLAIMED, FREE):
        worklist.create(make_workitem("1.2.3"), uid)
    worklist.change_state(CLAIMED, "IN PROGRESS", TRANSACTION)
    app = create_service_app(
        service, desk, Session(loopback_hosts(PORT), Reader("A"), TOKEN),
        AuditLog(service.database), max_upload_bytes=200_000, worklist=worklist,
    )  # fmt: skip
    made = TestClient(
        app, base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {TOKEN}"},
        raise_server_exceptions=False,
    )  # fmt: skip
    service.start(lambda: None)
    made.post("/studies", content=zipped(make_study(root / "a", "a")))
    wait_for(lambda: service.queue.counts()["done"] == 1)
    yield made
    service.stop()
    desk.close()
    service.database.close()


@pytest.fixture(scope="module")
def known(client: TestClient) -> dict[str, list[str]]:
    """Names in addresses that lead to something."""
    (study,) = client.get("/studies").json()["studies"]
    (series, *_) = client.get(f"/dicom-web/studies/{study['study_uid']}/series").json()
    (instance, *_) = client.get(f"/dicom-web/studies/{study['study_uid']}/instances").json()
    return {
        "study": [study["id"], study["study_uid"]],
        "study_uid": [study["study_uid"]],
        "key": [study["study_uid"]],
        "series": [series["0020000E"]["Value"][0]],
        "uid": [instance["00080018"]["Value"][0]],
        "numbers": ["1", "1,2"],
        "number": ["1"],
        "workitem": [CLAIMED, FREE],
        "aetitle": ["WATCHER"],
    }


def operations(schema: dict[str, Any]) -> list[tuple[str, str]]:
    return [(path, method) for path, methods in schema["paths"].items() for method in methods]


def body_of_workitem(draw: st.DrawFn, path: str) -> bytes:
    """Close to what a workitem's route takes."""
    whole = {} if path != WORKITEMS else make_workitem().to_json_dict()
    transaction = {"00081195": {"vr": "UI", "Value": [TRANSACTION]}} if draw(st.booleans()) else {}
    state = {}
    if path.endswith("/state"):
        states = st.sampled_from(["IN PROGRESS", "COMPLETED", "CANCELED", "SCHEDULED", "?"])
        state = {"00741000": {"vr": "CS", "Value": [draw(states)]}}
    changes = draw(st.dictionaries(TAGS, ELEMENTS, max_size=4))
    return json.dumps([{**whole, **transaction, **state, **changes}]).encode()


def ask(client: TestClient, case: Any, body: bytes | None) -> Any:
    request = case.as_transport_kwargs(base_url=str(client.base_url))
    content = request.get("data") if body is None else body
    kind = {"json": request["json"]} if request.get("json") is not None and body is None else {}
    return client.request(
        request["method"], request["url"], params=request.get("params"),
        headers=dict(request["headers"] or {}), cookies=request.get("cookies"),
        content=None if kind else content, **kind,
    )  # fmt: skip


@pytest.mark.slow
def test_no_request_is_a_server_error_or_answered_otherwise_than_described(
    client: TestClient, known: dict[str, list[str]]
) -> None:
    described = client.get("/api/openapi.json").json()
    schema = openapi.from_dict(described)
    asked = set()
    for path, method in operations(described):
        if path in ENDLESS:
            continue
        operation = schema[path][method]
        asked.add((path, method))
        _hold(client, known, operation, path)
    assert {path for path, _ in asked} >= {WORKITEMS, f"{WORKITEMS}/{{workitem}}/state"}
    assert len(asked) == len(operations(described)) - len(ENDLESS)
    assert client.get("/health").status_code == 200
    assert client.get(f"{WORKITEMS}/{CLAIMED}").status_code == 200


def _hold(client: TestClient, known: dict[str, list[str]], operation: Any, path: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), data=st.data())
    def holds(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known.get(name, ["x"])))
        body = None
        if path.startswith(WORKITEMS) and data.draw(st.booleans()):
            body = data.draw(st.composite(body_of_workitem)(path))
        answer = ask(client, case, body)
        case.validate_response(
            answer,
            checks=[
                checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    holds()
