"""UPS-RS as a task manager and another performer use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from nodulus.app.serve.workitems.service_worklist import service_worklist
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.service_samples import TOKEN
from tests.app.serve.workitem_samples import (
    JSON,
    WORKITEMS,
    body,
    change,
    code_item,
    final_attributes,
    get,
    input_item,
    make_workitem,
    post,
)

PORT = 12346
TRANSACTION, OTHER = "1.2.840.1", "1.2.840.2"


@pytest.fixture
def ups(service: Service) -> TestClient:
    """A client of a service with a worklist, that is not at work."""
    worklist = service_worklist(service, [], f"http://127.0.0.1:{PORT}", AuditLog(service.database))
    app = create_service_app(
        service, service.desk, Session(loopback_hosts(PORT), Reader("A"), TOKEN),  # type: ignore[attr-defined]
        AuditLog(service.database), worklist=worklist,
    )  # fmt: skip
    return TestClient(
        app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )  # fmt: skip


def warning(answer: Any) -> str:
    return str(answer.headers.get("warning", "")).partition(": ")[2]


def test_a_workitem_comes_back_whole_and_without_its_transaction_uid(ups: TestClient) -> None:
    sent = make_workitem("1.2.3", [input_item("1.2.3", "1.2.3.4", ["1.2.3.4.5"])])
    uid = post(ups, sent)
    found = get(ups, uid)
    assert found.SOPInstanceUID == uid
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.34.6.1"
    assert found.PatientName == "Test^Anna"
    assert found.InputInformationSequence == sent.InputInformationSequence
    assert len(found.ProcedureStepProgressInformationSequence) == 0
    assert change(ups, uid, "IN PROGRESS", TRANSACTION).status_code == 200
    assert "TransactionUID" not in get(ups, uid)


def test_what_may_be_left_out_is_put_in_and_told(ups: TestClient) -> None:
    sent = make_workitem()
    del sent.WorklistLabel
    sent.SOPInstanceUID = "1.2.77"
    answer = ups.post(WORKITEMS, content=body(sent), headers=JSON)
    assert (answer.status_code, answer.content) == (201, b"")
    assert warning(answer) == "The Workitem was created with modifications."
    assert get(ups, "1.2.77").WorklistLabel == "Nodulus"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ScheduledProcedureStepPriority", None),
        ("ScheduledProcedureStepPriority", "AT ONCE"),
        ("ProcedureStepLabel", ""),
        ("InputReadinessState", "MAYBE"),
        ("ScheduledProcedureStepStartDateTime", ""),
        ("ProcedureStepState", "IN PROGRESS"),
        ("TransactionUID", "1.2.3"),
        ("ProcedureStepProgressInformationSequence", [Dataset()]),
    ],
)
def test_a_workitem_that_does_not_hold_is_refused(ups: TestClient, name: str, value: Any) -> None:
    sent = make_workitem()
    if value is None:
        delattr(sent, name)
    else:
        setattr(sent, name, value)
    answer = ups.post(f"{WORKITEMS}?1.2.5", content=body(sent), headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "request-refused"
    assert ups.get(f"{WORKITEMS}/1.2.5").status_code == 404


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"00404021": {"vr": "SQ", "Value": [inner]}}
    return inner


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"[1]", b"[{},{}]", b"7", b"\xff", b"[" * 100_000,
        json.dumps(nested(40)).encode(),
        json.dumps({"00100010": {"vr": "PN", "Value": [{"Alphabetic": 7}]}}).encode(),
        json.dumps({"00100020": {"vr": "SQ", "Value": [{}]}}).encode(),
        json.dumps({"00404021": {"vr": "LO", "Value": ["x"]}}).encode(),
        json.dumps({"00420011": {"vr": "OB", "BulkDataURI": "http://127.0.0.1/x"}}).encode(),
        json.dumps({"PatientID": {"vr": "LO", "Value": ["x"]}}).encode(),
        b" " * 1_100_000,
    ],
)  # fmt: skip
def test_bodies_that_are_no_workitems_are_refused(ups: TestClient, content: bytes) -> None:
    answer = ups.post(f"{WORKITEMS}?1.2.5", content=content, headers=JSON)
    assert answer.status_code == 400, answer.text
    xml = ups.post(WORKITEMS, content=b"<a/>", headers={"Content-Type": "application/dicom+xml"})
    assert xml.status_code == 400


def test_there_is_one_of_a_uid(ups: TestClient) -> None:
    uid = post(ups, make_workitem())
    answer = ups.post(f"{WORKITEMS}?{uid}", content=body(make_workitem()), headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["code"] == "workitem-conflict"
    assert ups.post(f"{WORKITEMS}?abc", content=body(make_workitem())).status_code == 400


def test_searching_matches_in_sequences_and_pages(ups: TestClient) -> None:
    detection = [post(ups, make_workitem(f"1.2.{n}", PatientID=f"T-{n}")) for n in range(5)]
    other = post(ups, make_workitem("1.2.9", code=codes.DCM.Interpretation))
    change(ups, detection[3], "IN PROGRESS", TRANSACTION)

    def found(**query: Any) -> list[str]:
        answer = ups.get(WORKITEMS, params=query)
        assert answer.status_code in (200, 204, 206), answer.text
        items = [] if answer.status_code == 204 else answer.json()
        return [item["00080018"]["Value"][0] for item in items]

    assert found() == [*detection, other]
    assert found(**{"ScheduledWorkitemCodeSequence.CodeValue": "110005"}) == [other]
    assert found(**{"00404018.00080100": "110004", "ProcedureStepState": "SCHEDULED"}) == [
        uid for uid in detection if uid != detection[3]
    ]
    assert found(ProcedureStepState="IN PROGRESS") == [detection[3]]
    assert found(StudyInstanceUID="1.2.1,1.2.2") == detection[1:3]
    assert found(PatientName="test^*", PatientID="T-4") == [detection[4]]
    assert found(ScheduledProcedureStepStartDateTime="20200101-20200102") == [*detection, other]
    assert found(ScheduledProcedureStepStartDateTime="20200103-") == []
    first = ups.get(WORKITEMS, params={"limit": 4})
    assert (first.status_code, len(first.json())) == (206, 4)
    assert "additional results" in warning(first)
    assert found(limit=4, offset=4) == [detection[4], other]
    for bad in ("?NoSuchThing=1", "?TransactionUID=1.2", "?limit=0", "?offset=-1"):
        assert ups.get(f"{WORKITEMS}{bad}").status_code in (400, 422), bad


def test_another_performer_claims_updates_and_completes(ups: TestClient) -> None:
    uid = post(ups, make_workitem(code=codes.DCM.Interpretation))
    assert change(ups, uid, "COMPLETED", TRANSACTION).status_code == 409
    assert change(ups, uid, "IN PROGRESS", None).status_code == 400
    assert change(ups, uid, "IN PROGRESS", TRANSACTION).status_code == 200
    late = change(ups, uid, "IN PROGRESS", OTHER)
    assert (late.status_code, warning(late)) == (400, "The Transaction UID is incorrect.")

    progress, changes = Dataset(), Dataset()
    progress.ProcedureStepProgress = "40"
    changes.ProcedureStepProgressInformationSequence = [progress]
    address = f"{WORKITEMS}/{uid}"
    refused = ups.post(address, content=body(changes), headers=JSON)
    assert refused.status_code == 400
    assert warning(refused) == "The target URI did not reference a claimed Workitem."
    ways = ("", "transaction-uid=", "Transaction-UID=", "transactionUID=")
    for query in (f"?{way}{TRANSACTION}" for way in ways):
        assert ups.post(address + query, content=body(changes), headers=JSON).status_code == 200
    assert get(ups, uid).ProcedureStepProgressInformationSequence[0].ProcedureStepProgress == 40

    early = change(ups, uid, "COMPLETED", TRANSACTION)
    assert (early.status_code, early.json()["code"]) == (409, "workitem-conflict")
    assert "C304" in early.json()["message"]
    ups.post(f"{address}?{TRANSACTION}", content=body(final_attributes()), headers=JSON)
    assert change(ups, uid, "COMPLETED", TRANSACTION).status_code == 200
    again = change(ups, uid, "COMPLETED", TRANSACTION)
    assert again.status_code == 200
    assert warning(again) == "The UPS is already in the requested state of COMPLETED."
    ended = ups.post(f"{address}?{TRANSACTION}", content=body(changes), headers=JSON)
    assert ended.status_code == 400
    cancel = ups.post(f"{address}/cancelrequest")
    assert (cancel.status_code, warning(cancel)) == (409, "The UPS is already COMPLETED.")


def test_what_says_whose_and_what_it_is_cannot_be_updated(ups: TestClient) -> None:
    uid = post(ups, make_workitem())
    for name, value in (("PatientID", "other"), ("ProcedureStepState", "COMPLETED"),
                        ("SOPInstanceUID", "1.2"), ("InputReadinessState", "MAYBE"),
                        ("ProcedureStepLabel", "")):  # fmt: skip
        changes = Dataset()
        setattr(changes, name, value)
        answer = ups.post(f"{WORKITEMS}/{uid}", content=body(changes), headers=JSON)
        assert answer.status_code == 400, name
    changes = Dataset()
    changes.ScheduledProcedureStepPriority = "HIGH"
    claimed = ups.post(f"{WORKITEMS}/{uid}?{OTHER}", content=body(changes), headers=JSON)
    assert claimed.status_code == 409
    assert ups.post(f"{WORKITEMS}/{uid}", content=body(changes), headers=JSON).status_code == 200
    assert get(ups, uid).ScheduledProcedureStepPriority == "HIGH"


def test_a_request_cancels_what_nobody_has_claimed_and_nothing_else(ups: TestClient) -> None:
    free, taken = post(ups, make_workitem()), post(ups, make_workitem())
    change(ups, taken, "IN PROGRESS", TRANSACTION)
    reason = Dataset()
    reason.ReasonForCancellation = "ordered twice"
    reason.ProcedureStepDiscontinuationReasonCodeSequence = [code_item(codes.DCM.DuplicateOrder)]
    for _ in range(2):
        answer = ups.post(f"{WORKITEMS}/{free}/cancelrequest", content=body(reason), headers=JSON)
        assert answer.status_code == 202
    assert warning(answer) == "The UPS is already in the requested state of CANCELED."
    (progress,) = get(ups, free).ProcedureStepProgressInformationSequence
    assert get(ups, free).ProcedureStepState == "CANCELED"
    assert progress.ReasonForCancellation == "ordered twice"
    assert progress.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110510"
    assert progress.ProcedureStepCancellationDateTime
    refused = ups.post(f"{WORKITEMS}/{taken}/cancelrequest")
    assert (refused.status_code, warning(refused)) == (409, "The performer cannot be contacted.")
    assert change(ups, taken, "CANCELED", TRANSACTION).status_code == 409
    ups.post(f"{WORKITEMS}/{taken}?{TRANSACTION}", content=body(final_attributes()), headers=JSON)
    assert change(ups, taken, "CANCELED", TRANSACTION).status_code == 200
    ended = get(ups, taken).ProcedureStepProgressInformationSequence[0]
    assert ended.ProcedureStepCancellationDateTime


def test_event_reports_are_refused_as_the_standard_says(ups: TestClient) -> None:
    uid = post(ups, make_workitem())
    for target in (uid, "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"):
        address = f"{WORKITEMS}/{target}/subscribers/WATCHER"
        assert ups.post(address).status_code == 403
        assert ups.delete(address).status_code == 403
    assert ups.post(f"{address}/suspend").status_code == 403


def test_what_is_not_there_or_was_deleted(ups: TestClient, service: Service) -> None:
    worklist = Worklist(service.database, workitem_settings())
    for answer in (ups.get(f"{WORKITEMS}/1.2"), change(ups, "1.2", "IN PROGRESS", TRANSACTION),
                   ups.post(f"{WORKITEMS}/1.2/cancelrequest"),
                   ups.post(f"{WORKITEMS}/1.2", content=b"{}", headers=JSON)):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (404, "workitem-not-found")
    old, new = post(ups, make_workitem()), post(ups, make_workitem())
    ups.post(f"{WORKITEMS}/{old}/cancelrequest")
    assert worklist.remove(worklist.clock() + 1, unended=False) == ["1.2.3"]
    assert ups.get(f"{WORKITEMS}/{old}").status_code == 410
    assert ups.get(f"{WORKITEMS}/{new}").status_code == 200
    assert len(ups.get(WORKITEMS).json()) == 1
    assert worklist.counts() == {"SCHEDULED": 1}


def test_strangers_see_no_workitem_and_each_look_is_in_the_audit_log(
    ups: TestClient, service: Service
) -> None:
    uid = post(ups, make_workitem("1.2.3.4"))
    stranger = TestClient(ups.app, base_url=str(ups.base_url))
    assert stranger.get(f"{WORKITEMS}/{uid}").status_code == 401
    assert stranger.post(WORKITEMS, content=body(make_workitem())).status_code == 401
    ups.get(WORKITEMS)
    get(ups, uid)
    ups.post(f"{WORKITEMS}/{uid}/cancelrequest")
    _, entries = AuditLog(service.database).entries()
    assert [(e.event, e.study) for e in reversed(entries)] == [
        ("workitem-created", "1.2.3.4"),
        ("refused", None),
        ("refused", None),
        ("list-viewed", None),
        ("workitem-viewed", "1.2.3.4"),
        ("workitem-changed", "1.2.3.4"),
    ]


def test_without_the_option_there_is_no_worklist(client: TestClient) -> None:
    assert client.get(WORKITEMS).status_code == 404
    assert client.post(WORKITEMS, content=body(make_workitem())).status_code in (404, 405)


def test_the_worklist_is_described(ups: TestClient) -> None:
    paths = ups.get("/api/openapi.json").json()["paths"]
    assert set(paths[WORKITEMS]) == {"get", "post"}
    assert "202" in paths[f"{WORKITEMS}/{{workitem}}/cancelrequest"]["post"]["responses"]
    ids = [m["operationId"] for path in paths.values() for m in path.values()]
    assert len(ids) == len(set(ids))


def test_migrations_lead_to_the_same_table(service: Service, tmp_path: Path) -> None:
    import sqlalchemy as sa

    from nodulus.app.serve.tables import workitems

    with service.database.read() as connection:
        columns = {c["name"] for c in sa.inspect(connection).get_columns("workitems")}
    assert columns == set(workitems.c.keys())


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(["READY", "SCHEDULED", "HIGH", "IN PROGRESS", "20260101", "1.2.3"]),
    st.dictionaries(st.sampled_from(["Alphabetic", "00080100", "x"]), st.text(max_size=4)),
)  # fmt: skip
ELEMENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"vr": st.sampled_from(["SQ", "CS", "DT", "UI", "PN", "LO", "DS", "IS", "OB", "XX", 3])},
        optional={"Value": st.one_of(VALUES, st.lists(VALUES, max_size=3))},
    ),
)
TAGS = st.sampled_from(
    ["00741000", "00081195", "00404021", "00404018", "0020000D", "00404005", "00100010", "00741002",
     "00741216", "00404041", "00741200", "00080018", "00000000", "00020010", "0009xx", "00741238"]
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.dictionaries(TAGS, ELEMENTS, max_size=6), query=st.text(max_size=12))
def test_no_body_is_a_server_error(ups: TestClient, changes: dict[str, Any], query: str) -> None:
    uid = str(generate_uid())
    whole = json.dumps([{**make_workitem().to_json_dict(), **changes}])
    made = ups.post(f"{WORKITEMS}?{uid}", content=whole, headers=JSON)
    assert made.status_code in (201, 400), made.text
    if made.status_code == 400:
        post(ups, make_workitem(), uid)
    body_of_changes = json.dumps(changes)
    for method, path in (("POST", ""), ("PUT", "/state"), ("POST", "/cancelrequest")):
        answer = ups.request(
            method, f"{WORKITEMS}/{uid}{path}", content=body_of_changes, headers=JSON
        )
        assert answer.status_code < 500, (method, path, answer.text)
    for parameters in ({"PatientName": query}, {query: "1"}, {"StudyInstanceUID": query}):
        assert ups.get(WORKITEMS, params=parameters).status_code < 500
    assert ups.get(f"{WORKITEMS}/{uid}").status_code == 200
