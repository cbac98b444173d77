"""The service performs workitems: fetched from an allowed server alone, once, and to their end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.queued_study import Analysed
from nodulus.app.serve.service import Service
from nodulus.app.serve.workitems.image_source import ImageSource
from nodulus.app.serve.workitems.performer import Performer
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.clock import Clock
from tests.app.serve.service_samples import make_study, multipart
from tests.app.serve.workitem_samples import code_item, input_item, make_workitem

BASE = "http://node.example.org/dicom-web"


class Pacs(BaseHTTPRequestHandler):
    """Gives files by WADO-RS: what ``answers`` has for a path, in turn."""

    answers: dict[str, list[tuple[int, dict[str, str], bytes]]]
    asked: list[str]
    seen: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.seen.append(self.headers.get("Authorization", ""))
        waiting = self.answers.get(self.path, [(404, {}, b"")])
        status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pacs() -> Iterator[str]:
    """A PACS; gives the address of its DICOMweb server."""
    Pacs.answers, Pacs.asked, Pacs.seen = {}, [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pacs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    server.shutdown()
    server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def worklist(service: Service, clock: Clock) -> Worklist:
    return Worklist(service.database, workitem_settings(), clock)


@pytest.fixture
def perform(service: Service, worklist: Worklist, pacs: str, clock: Clock) -> Callable[..., None]:
    """Claims and takes some steps, more than a second apart."""

    def steps(count: int = 4, source: str | None = pacs) -> None:
        sources = [] if source is None else [ImageSource(source, max_bytes=100_000)]
        performer = Performer(
            worklist, service.queue, service.intake, service.results, lambda _: "nodule", sources,
            BASE, AuditLog(service.database),
        )  # fmt: skip
        for _ in range(count):
            performer.claim_next()
            performer.perform_next()
            clock.now += 1.5

    return steps


class Study:
    """A study of two images that a PACS has."""

    def __init__(self, folder: Path, name: str = "a") -> None:
        self.files = make_study(folder, name)
        headers = [dcmread(file) for file in self.files]
        self.uid = str(headers[0].StudyInstanceUID)
        self.series = str(headers[0].SeriesInstanceUID)
        self.instances = [str(header.SOPInstanceUID) for header in headers]
        self.path = f"/dicom-web/studies/{self.uid}/series/{self.series}"

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        headers, body = multipart(self.files)
        return 200, headers, body

    def workitem(self, url: str | None = None) -> Dataset:
        urls = [] if url is None else [url]
        return make_workitem(self.uid, [input_item(self.uid, self.series, self.instances, urls)])


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "a")


def made(worklist: Worklist, workitem: Dataset) -> str:
    uid = str(generate_uid())
    worklist.create(workitem, uid)
    return uid


def state(worklist: Worklist, uid: str) -> str:
    return str(Dataset.from_json(worklist.content(uid)).ProcedureStepState)


def progress(worklist: Worklist, uid: str) -> Dataset:
    found = Dataset.from_json(worklist.content(uid))
    (item,) = found.ProcedureStepProgressInformationSequence
    return item


def canceled_for(worklist: Worklist, uid: str) -> tuple[str, str]:
    """Code of the reason, and the error's."""
    item = progress(worklist, uid)
    (reason,) = item.ProcedureStepDiscontinuationReasonCodeSequence
    assert item.ProcedureStepCancellationDateTime
    assert state(worklist, uid) == "CANCELED"
    return str(reason.CodeValue), str(item.ReasonForCancellation).partition("]")[0].lstrip("[")


def analyse(service: Service, ended: str = "done", code: ErrorCode | None = None) -> str:
    """Do as a worker does with the next study."""
    taken = service.queue.take()
    assert taken is not None
    error = None if code is None else NodulusError(code, "So it is.", remedy="Do otherwise.")
    results: Any = ()
    if ended == "done":
        folder = service.results / str(taken.study_uid)
        folder.mkdir(parents=True, exist_ok=True)
        report = dcmread(min(service.intake.folder(taken.id).iterdir()))
        report.SeriesInstanceUID, report.Modality = "1.9.9", "SR"
        report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.9.9.1"
        report.save_as(folder / "nodules_sr.dcm")
        results = ((str(taken.study_uid), str(taken.study_uid), 2),)
    service.queue.finish(taken.id, Analysed(ended, error, results))  # type: ignore[arg-type]
    return taken.id


def test_a_study_is_fetched_analysed_and_its_results_are_named(
    service: Service, worklist: Worklist, perform: Callable[..., None], pacs: str, study: Study
) -> None:
    Pacs.answers[study.path] = [study.answer()]
    uid = made(worklist, study.workitem(f"{pacs}/studies/{study.uid}/series/{study.series}"))
    perform()
    assert Pacs.asked == [study.path], "once"
    assert progress(worklist, uid).ProcedureStepProgressDescription == "waiting for a worker"
    queued = service.queue.studies()[1][0]
    assert (queued.source, queued.images, queued.state) == ("ups", 2, "waiting")

    service.queue.take()
    perform(1)
    assert progress(worklist, uid).ProcedureStepProgressDescription == "analysis: nodule"
    assert progress(worklist, uid).ProcedureStepProgress == 73
    service.queue.release()
    analyse(service)
    perform(1)
    found = Dataset.from_json(worklist.content(uid))
    assert found.ProcedureStepState == "COMPLETED"
    assert progress(worklist, uid).ProcedureStepProgress == 100
    (performed,) = found.UnifiedProcedureStepPerformedProcedureSequence
    assert performed.PerformedStationNameCodeSequence[0].CodeValue == "NODULUS"
    assert performed.PerformedWorkitemCodeSequence[0].CodeValue == "110004"
    assert performed.PerformedProcedureStepEndDateTime
    (output,) = performed.OutputInformationSequence
    assert (output.StudyInstanceUID, output.SeriesInstanceUID) == (study.uid, "1.9.9")
    assert output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.9.9.1"
    retrieve = output.WADORSRetrievalSequence[0].RetrieveURL
    assert retrieve == f"{BASE}/studies/{study.uid}/series/1.9.9"
    perform(3)
    assert service.queue.take() is None, "it is done once"


def test_a_study_that_is_here_is_not_fetched_and_one_that_is_done_not_done_again(
    service: Service, worklist: Worklist, perform: Callable[..., None], study: Study
) -> None:
    service.intake.take_path(study.files[0].parent, "folder")
    one = made(worklist, study.workitem("http://elsewhere.example.org/dicom-web/studies/1.2"))
    perform(1)
    analyse(service)
    two = made(worklist, study.workitem())
    perform(6)
    assert (state(worklist, one), state(worklist, two)) == ("COMPLETED", "COMPLETED")
    assert Pacs.asked == []
    assert service.queue.take() is None


def test_without_an_address_the_first_source_is_asked(
    service: Service, worklist: Worklist, perform: Callable[..., None], study: Study
) -> None:
    Pacs.answers[f"/dicom-web/studies/{study.uid}"] = [study.answer()]
    made(worklist, make_workitem(study.uid))
    perform(2)
    assert Pacs.asked == [f"/dicom-web/studies/{study.uid}"]
    assert service.queue.counts()["waiting"] == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/dicom-web/studies/1.2",
        "{origin}/admin",
        "{origin}/dicom-web/../admin",
        "{origin}/dicom-web/%2e%2e/admin",
        "{origin}/dicom-web\\..\\admin",
        "{origin}/dicom-webs/studies/1",
        "{origin}/dicom-web/studies?x=1",
        "http://user@{host}/dicom-web/studies/1",
        "https://{host}/dicom-web/studies/1",
        "http://{host}.example.org/dicom-web/studies/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//{host}/dicom-web/studies/1",
        "http://[::1/dicom-web/studies/1",
        "http://127.0.0.1:99999/dicom-web/studies/1",
    ],
)
def test_images_are_fetched_from_servers_of_the_configuration_alone(
    worklist: Worklist, perform: Callable[..., None], pacs: str, study: Study, url: str
) -> None:
    origin = pacs.removesuffix("/dicom-web")
    url = url.format(origin=origin, host=origin.removeprefix("http://"))
    uid = made(worklist, study.workitem(url))
    perform(3)
    assert canceled_for(worklist, uid) == ("110530", "workitem-refused")
    assert Pacs.asked == []
    with pytest.raises(NodulusError, match="workitem-refused"):
        ImageSource(pacs).fetch(url, study.files[0].parent, lambda: True)


def test_a_redirection_is_not_followed_and_a_source_that_fails_is_asked_again(
    worklist: Worklist, perform: Callable[..., None], clock: Clock, pacs: str, study: Study,
    service: Service,
) -> None:  # fmt: skip
    Pacs.answers[study.path] = [(302, {"Location": "/secret"}, b""), (503, {}, b""), study.answer()]
    uid = made(worklist, study.workitem(f"{pacs}/studies/{study.uid}/series/{study.series}"))
    perform(2)
    assert state(worklist, uid) == "IN PROGRESS"
    assert "later" in progress(worklist, uid).ProcedureStepProgressDescription
    perform(4)
    assert "/secret" not in Pacs.asked
    assert service.queue.counts()["waiting"] == 1


@pytest.mark.parametrize("answer", [
    (404, {}, b""),
    (200, {"Content-Type": "text/html"}, b"<html>"),
    (200, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}, b"--x\r\n"),
])  # fmt: skip
def test_after_some_attempts_it_is_canceled(
    worklist: Worklist, perform: Callable[..., None], clock: Clock, pacs: str, study: Study,
    answer: Any,
) -> None:  # fmt: skip
    Pacs.answers[study.path] = [answer]
    uid = made(worklist, study.workitem(f"{pacs}/studies/{study.uid}/series/{study.series}"))
    perform(20)
    assert canceled_for(worklist, uid) == ("110523", "source-not-reachable")
    assert len(Pacs.asked) == 6


def test_answers_are_bounded_and_hold_the_study_alone(
    service: Service, worklist: Worklist, perform: Callable[..., None], pacs: str, study: Study,
    tmp_path: Path,
) -> None:  # fmt: skip
    other = Study(tmp_path / "b", "b")
    status, headers, body = study.answer()
    Pacs.answers[study.path] = [(status, headers, body + b"-" * 100_000)]
    Pacs.answers[other.path] = [study.answer()]
    url = pacs.removesuffix("/dicom-web")
    large = made(worklist, study.workitem(url + study.path))
    wrong = made(worklist, other.workitem(url + other.path))
    perform(6)
    assert canceled_for(worklist, large) == ("110527", "input-refused")
    assert canceled_for(worklist, wrong) == ("110523", "images-not-found")
    assert service.queue.studies()[0] == 0


def test_images_that_do_not_come_are_waited_for_a_while(
    service: Service, worklist: Worklist, perform: Callable[..., None], clock: Clock,
    study: Study, tmp_path: Path,
) -> None:  # fmt: skip
    late, never = made(worklist, study.workitem()), made(worklist, make_workitem("1.2.3"))
    perform(4, source=None)
    assert progress(worklist, late).ProcedureStepProgressDescription == "waiting for the images"
    service.intake.take_path(study.files[0].parent, "folder")
    perform(4, source=None)
    assert progress(worklist, late).ProcedureStepProgressDescription == "waiting for a worker"
    clock.now += 600
    perform(4, source=None)
    assert canceled_for(worklist, never) == ("110523", "images-not-found")


@pytest.mark.parametrize(
    ("ended", "code", "reason"),
    [
        ("refused", ErrorCode.NO_CT_SERIES, "110522"),
        ("refused", ErrorCode.MISSING_ATTRIBUTE, "110521"),
        ("refused", ErrorCode.MISSING_SLICES, "110523"),
        ("failed", ErrorCode.MEMORY_LIMIT, "110527"),
        ("failed", ErrorCode.INTERNAL, "110513"),
    ],
)
def test_what_cannot_be_analysed_is_canceled_with_the_reason_and_a_new_one_tries_again(
    service: Service, worklist: Worklist, perform: Callable[..., None], study: Study,
    ended: str, code: ErrorCode, reason: str,
) -> None:  # fmt: skip
    service.intake.take_path(study.files[0].parent, "folder")
    uid = made(worklist, study.workitem())
    perform(2)
    for _ in range(1 if ended == "refused" else service.queue.times.attempts):
        analyse(service, ended, code)
        time.sleep(0.25 if ended == "failed" else 0)
    perform(2)
    assert canceled_for(worklist, uid) == (reason, code.value)
    again = made(worklist, study.workitem())
    perform(2)
    assert service.queue.counts()["waiting"] == 1
    analyse(service)
    perform(2)
    assert state(worklist, again) == "COMPLETED"


def test_a_result_that_is_incomplete_says_what_is_missing(
    service: Service, worklist: Worklist, perform: Callable[..., None], study: Study
) -> None:
    service.intake.take_path(study.files[0].parent, "folder")
    uid = made(worklist, study.workitem())
    perform(1)
    analyse(service, "done", ErrorCode.RESULTS_INCOMPLETE)
    perform(2)
    (performed,) = Dataset.from_json(
        worklist.content(uid)
    ).UnifiedProcedureStepPerformedProcedureSequence
    assert "results-incomplete" in performed.CommentsOnThePerformedProcedureStep


@pytest.mark.parametrize("is_only_ours", [True, False])
def test_a_request_to_cancel_leaves_out_the_analysis_that_nobody_else_wants(
    service: Service, worklist: Worklist, perform: Callable[..., None], pacs: str, study: Study,
    is_only_ours: bool,
) -> None:  # fmt: skip
    Pacs.answers[study.path] = [study.answer()]
    url = f"{pacs}/studies/{study.uid}/series/{study.series}"
    uid = made(worklist, study.workitem(url))
    if not is_only_ours:
        service.intake.take_path(study.files[0].parent, "folder")
    perform(2)
    assert service.queue.counts()["waiting"] == 1
    assert worklist.request_cancel(uid, Dataset()).status == 202
    assert canceled_for(worklist, uid)[0] == "110513"
    counts = service.queue.counts()
    assert (counts["refused"], counts["waiting"]) == ((1, 0) if is_only_ours else (0, 1))
    perform(2)
    assert state(worklist, uid) == "CANCELED"
    if is_only_ours:
        assert service.queue.studies()[1][0].code == "canceled"
        service.queue.retry(service.queue.studies()[1][0].id)


def test_of_two_workitems_of_a_study_one_may_be_canceled(
    service: Service, worklist: Worklist, perform: Callable[..., None], pacs: str, study: Study
) -> None:
    Pacs.answers[study.path] = [study.answer()]
    url = f"{pacs}/studies/{study.uid}/series/{study.series}"
    one, two = (made(worklist, study.workitem(url)) for _ in range(2))
    perform(4)
    worklist.request_cancel(one, Dataset())
    assert service.queue.counts()["waiting"] == 1
    analyse(service)
    perform(4)
    assert (state(worklist, one), state(worklist, two)) == ("CANCELED", "COMPLETED")
    assert len(Pacs.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"InputReadinessState": "INCOMPLETE"},
        {"ScheduledProcedureStepStartDateTime": "20990101"},
        {"ScheduledWorkitemCodeSequence": []},
        {"ScheduledStationNameCodeSequence": ["other"]},
    ],
)
def test_what_is_not_for_us_or_not_yet_is_left_to_others(
    worklist: Worklist, perform: Callable[..., None], change: dict[str, Any]
) -> None:
    if change.get("ScheduledStationNameCodeSequence"):
        from pydicom.sr.codedict import codes

        change = {"ScheduledStationNameCodeSequence": [code_item(codes.DCM.ImageProcessing)]}
    uid = made(worklist, make_workitem(**change))
    perform(2)
    assert state(worklist, uid) == "SCHEDULED"
    update = Dataset()
    if "InputReadinessState" in change:
        update.InputReadinessState = "READY"
        worklist.update(uid, update, None)
        perform(2)
        assert state(worklist, uid) == "IN PROGRESS"


def test_the_urgent_come_first_and_no_more_than_the_queue_can_hurry(
    service: Service, worklist: Worklist, perform: Callable[..., None], tmp_path: Path
) -> None:
    studies = [Study(tmp_path / f"s{n}", f"s{n}") for n in range(10)]
    uids = []
    for number, study in enumerate(studies):
        service.intake.take_path(study.files[0].parent, "folder")
        workitem = study.workitem()
        workitem.ScheduledProcedureStepPriority = "HIGH" if number == 9 else "LOW"
        uids.append(made(worklist, workitem))
    perform(1)
    assert state(worklist, uids[9]) == "IN PROGRESS"
    perform(20)
    assert worklist.counts() == {"IN PROGRESS": 8, "SCHEDULED": 2}
    assert [state(worklist, uid) for uid in uids[:7]] == ["IN PROGRESS"] * 7


def test_a_workitem_of_no_study_or_of_several_is_rejected(
    worklist: Worklist, perform: Callable[..., None]
) -> None:
    none = made(worklist, make_workitem(""))
    several = made(
        worklist, make_workitem("", [input_item("1.2", "1.3"), input_item("1.4", "1.5")])
    )
    perform(4)
    for uid in (none, several):
        assert canceled_for(worklist, uid) == ("110530", "workitem-refused")


def test_a_source_gets_its_own_user_or_token(pacs: str, study: Study, tmp_path: Path) -> None:
    Pacs.answers[study.path] = [study.answer()]
    url = pacs.removesuffix("/dicom-web") + study.path
    for source in (ImageSource(pacs, "me", "secret"), ImageSource(pacs, token="abc")):
        assert len(source.fetch(url, tmp_path, lambda: True)) == 2
    assert Pacs.seen == ["Basic bWU6c2VjcmV0", "Bearer abc"]


def test_addresses_of_sources_are_checked() -> None:
    for url in ("ftp://x/y", "pacs", "http:///x", "http://x/y?z=1"):
        with pytest.raises(NodulusError, match="settings-invalid"):
            ImageSource(url)
