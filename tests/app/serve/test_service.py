"""Studies come in by every way, are analysed, reviewed and sent on."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from pathlib import Path

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from fastapi.testclient import TestClient
from pydicom import dcmread

from nodulus.app.serve.sender import DeliveryError, delivery_counts
from nodulus.app.serve.service import Service
from tests.app.serve.service_samples import (
    TOKEN,
    make_service,
    make_study,
    multipart,
    wait_for,
    zipped,
)


def states(client: httpx.Client) -> dict[str, str]:
    return {s["study_uid"]: s["state"] for s in client.get("/studies").json()["studies"]}


def test_a_zip_is_taken_analysed_and_reviewed(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    files = make_study(tmp_path / "a", "a") + make_study(tmp_path / "b", "b", what="refuse")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{number}.dcm")
    answer = client.post("/studies", content=packed.getvalue())
    assert answer.status_code == 202
    assert {s["state"] for s in answer.json()["studies"]} == {"waiting"}
    listed = client.get("/api/studies").json()
    assert listed["on_their_way"] == 2
    assert {(row["status"], row["findings"]) for row in listed["studies"]} == {("waiting", None)}
    service.start(lambda: None)
    wait_for(lambda: set(states(client).values()) == {"done", "refused"})
    found = {s["study_uid"]: s for s in client.get("/studies").json()["studies"]}
    done, refused = found[_study(files[0])], found[_study(files[-1])]
    assert done["results"] == [{"key": done["study_uid"], "findings": 2}]
    assert refused["error"]["code"] == "no-lungs"
    findings = client.get(f"/studies/{done['id']}/findings").json()
    assert len(findings[0]["findings"]) == 2
    listed = client.get("/api/studies").json()
    assert {row["status"] for row in listed["studies"]} == {"new", "failed"}
    assert listed["on_their_way"] == 0
    row = listed["studies"][1]
    assert (row["error"]["code"], row["may_be_retried"]) == ("no-lungs", True)
    assert row["received"] == refused["received"]
    state = client.get(f"/api/studies/{done['study_uid']}").json()
    accept = {"kind": "accept", "finding": "1", "expected_version": state["version"]}
    address = f"/api/studies/{done['study_uid']}/entries"
    assert client.post(address, json=accept).json()["version"] == 1
    assert client.get("/studies", params={"status": "refused"}).json()["total"] == 1
    assert client.post(f"/studies/{refused['id']}/retry").status_code == 200
    assert client.post(f"/studies/{done['id']}/retry").json()["code"] == "request-refused"
    text = client.get("/metrics").text
    assert 'nodulus_studies{state="done"} 1.0' in text
    assert "nodulus_analysis_seconds_count 1.0" in text
    assert re.search(r'nodulus_step_seconds_count\{step="\w+"\} [12]\.0', text)
    assert client.get("/health").json()["status"] == "ok"


def test_the_work_list_shows_what_is_being_analysed_and_what_waits(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    for name in "abc":
        client.post("/studies", content=zipped(make_study(tmp_path / name, name)))
    taken = service.queue.take()
    assert taken is not None
    rows = client.get("/api/studies", params={"sort": "status"}).json()["studies"]
    assert [row["status"] for row in rows] == ["running", "waiting", "waiting"]
    assert rows[0]["key"] == taken.id
    assert all(row["received"] and not row["warnings"] for row in rows)
    (row,) = client.get("/api/studies", params={"status": "running"}).json()["studies"]
    assert row["key"] == taken.id


def test_the_same_zip_again_changes_nothing(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    content = zipped(make_study(tmp_path / "a", "a"))
    client.post("/studies", content=content)
    service.start(lambda: None)
    wait_for(lambda: list(states(client).values()) == ["done"])
    again = client.post("/studies", content=content).json()["studies"]
    assert [(s["state"], s["attempts"]) for s in again] == [("done", 1)]
    more = make_study(tmp_path / "more", "a", slices=3)
    client.post("/studies", content=zipped(more))
    marks = service.results / f"{again[0]['id']}.began"
    wait_for(lambda: marks.read_text() == "2\n3\n")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "archive-not-readable"),
        (b"no zip", 422, "archive-not-readable"),
        (b"x" * 300_000, 413, "request-refused"),
    ],
)
def test_bodies_that_are_no_studies_are_refused(
    client: TestClient, content: bytes, status: int, code: str
) -> None:
    answer = client.post("/studies", content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get("/studies").json()["total"] == 0


def test_a_zip_that_leads_out_is_refused(client: TestClient, data: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../out", "text")
    answer = client.post("/studies", content=packed.getvalue())
    assert (answer.status_code, answer.json()["code"]) == (422, "archive-refused")
    assert not (data.parent / "out").exists()


def test_stow_is_complete_when_it_is_quiet(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    files = make_study(tmp_path / "a", "a", slices=3)
    service.start(lambda: None)
    for file in files:
        headers, body = multipart([file])
        answer = client.post("/dicom-web/studies", headers=headers, content=body)
        assert answer.status_code == 200
        stored = answer.json()["00081199"]["Value"][0]
        assert stored["00081155"]["Value"] == [dcmread(file).SOPInstanceUID]
    wait_for(lambda: list(states(client).values()) == ["done"])
    one = client.get("/studies").json()["studies"][0]
    assert (one["images"], one["attempts"], one["source"]) == (3, 1, "stow")
    linked = client.get(f"/api/studies/{one['study_uid']}")  # before anybody asks for the list
    assert linked.json()["status"] == "new"
    assert client.get("/api/studies/1.2.3").status_code == 404


def test_stow_says_what_it_does_not_take(client: TestClient, tmp_path: Path) -> None:
    files = make_study(tmp_path / "a", "a")
    (tmp_path / "text").write_text("no DICOM")
    headers, body = multipart([files[0], tmp_path / "text"])
    answer = client.post("/dicom-web/studies", headers=headers, content=body)
    assert answer.status_code == 202
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    other = client.post("/dicom-web/studies/1.2.3", headers=headers, content=body)
    assert other.status_code == 409
    for bad in (b"", body[:-20], b"no parts"):
        answer = client.post("/dicom-web/studies", headers=headers, content=bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "request-refused")
    answer = client.post("/dicom-web/studies", content=body)
    assert answer.status_code == 400


def test_dicomweb_client_stores(live: str, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    web = DICOMwebClient(f"{live}/dicom-web", headers=headers)
    files = make_study(tmp_path / "a", "a")
    stored = web.store_instances([dcmread(file) for file in files])
    assert len(stored.ReferencedSOPSequence) == len(files)
    queue = httpx.get(f"{live}/studies", headers=headers).json()
    assert queue["studies"][0]["images"] == len(files)
    after = {**headers, "Last-Event-ID": "0"}
    with httpx.stream("GET", f"{live}/events", headers=after, timeout=60) as told:
        lines = (line for line in told.iter_lines() if line.startswith("data:"))
        assert '"state": "running"' in next(lines)


def test_a_watched_folder_is_taken_when_it_is_quiet(data: Path, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    service, desk = make_service(data, watch=[watched])
    service.start(lambda: None)
    try:
        make_study(watched / "one", "a")
        (watched / "two.zip").write_bytes(zipped(make_study(tmp_path / "b", "b")))
        wait_for(lambda: service.queue.counts()["done"] == 2)
        assert len(list((watched / "one").iterdir())) == 2
    finally:
        service.stop()
        desk.close()
    again, desk = make_service(data, watch=[watched])
    again.start(lambda: None)
    try:
        make_study(watched / "three", "c")
        wait_for(lambda: again.queue.counts()["done"] == 3)
        assert all(s.attempts == 1 for s in again.queue.studies()[1])
    finally:
        again.stop()
        desk.close()


class Shaky:
    """Takes an object at the second attempt, without telling at the first."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def send(self, path: Path) -> None:
        self.got.append(str(dcmread(path).SOPInstanceUID))
        if len(self.got) == 1:
            raise DeliveryError("no answer")


def test_results_are_sent_until_they_are_taken_and_then_no_more(data: Path, tmp_path: Path) -> None:
    shaky = Shaky()
    service, desk = make_service(data, destinations={"pacs": shaky})
    service.start(lambda: None)
    try:
        service.intake.take_path(make_study(tmp_path / "a", "a")[0].parent, "zip")
        wait_for(lambda: delivery_counts(service.database)["sent"] == 1)
    finally:
        service.stop()
        desk.close()
    assert len(shaky.got) == 2
    assert len(set(shaky.got)) == 1, "the same instance"


def test_failures_are_counted_and_listed(data: Path, tmp_path: Path) -> None:
    service, desk = make_service(data)
    service.start(lambda: None)
    try:
        service.intake.take_path(make_study(tmp_path / "a", "a", what="fail")[0].parent, "zip")
        wait_for(lambda: service.queue.counts()["failed"] == 1)
        assert [f.code for f in desk.failed()] == ["internal-error"]
        assert service.queue.studies()[1][0].attempts == 6
    finally:
        service.stop()
        desk.close()


def test_a_research_volume_keeps_its_files_names(service: Service, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "scan.mhd").write_text("ElementDataFile = scan.raw")
    (tmp_path / "in" / "sub" / "scan.raw").write_bytes(b"raw")
    (study,) = service.intake.take_path(tmp_path / "in", "folder")
    kept = service.intake.folder(study)
    assert sorted(path.name for path in kept.rglob("*.*")) == ["scan.mhd", "scan.raw"]
    shutil.rmtree(tmp_path / "in")
    assert service.queue.study(study).study_uid is None


def _study(file: Path) -> str:
    return str(dcmread(file).StudyInstanceUID)
