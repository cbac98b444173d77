"""A service sends on what was signed off: DICOM SR and SEG, once for each sign-off."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
from fastapi.testclient import TestClient
from pydicom import Dataset, dcmread

from nodulus.app.chain import ChainSettings
from nodulus.app.review.desk import Reader
from nodulus.app.review.images import ImageReader
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.review.store import Store
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.desk import ServiceDesk
from nodulus.app.serve.queued_study import Analysed
from nodulus.app.serve.sender import Sender
from nodulus.app.serve.service import Service
from nodulus.app.serve.signed_results import SignedResults
from tests.app.serve.service_samples import TIMES, TOKEN, make_service

PORT = 12351


class Pacs:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[Dataset] = []

    def send(self, path: Path) -> None:
        self.got.append(dcmread(path))

    def uids(self) -> Counter[str]:
        return Counter(str(one.SOPInstanceUID) for one in self.got)


class Signed:
    """A service with a study that is done, whose images are here; its reader, and a PACS."""

    def __init__(
        self, root: Path, ct: Path, results: Path, settings: ChainSettings, pacs: Pacs
    ) -> None:
        self.service, desk = make_service(root / "data", destinations={"pacs": pacs})
        desk.close()
        shutil.copytree(results, self.service.results, dirs_exist_ok=True)
        (study,) = self.service.intake.take_path(ct, "folder")
        taken = self.service.queue.take()
        assert taken is not None
        self.folder = next(self.service.results.glob("*/findings.json")).parent
        done = Analysed("done", None, ((str(taken.study_uid), self.folder.name, 2),))
        assert self.service.queue.finish(study, done) == "done"
        self.key = str(taken.study_uid)
        self.desk = self.make_desk(settings)
        self.signed = SignedResults(self.desk, self.service, "clinic")
        self.signed.look()  # the service begins
        self.sender = Sender(self.service.database, self.service.results, {"pacs": pacs}, TIMES)
        self.client = TestClient(
            create_service_app(
                self.service, self.desk, Session(loopback_hosts(PORT), Reader("A"), TOKEN),
                AuditLog(self.service.database),
            ),
            base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {TOKEN}"},
        )  # fmt: skip
        self.version = 0

    def make_desk(self, settings: ChainSettings) -> ServiceDesk:
        def no_models() -> None:
            raise AssertionError("nobody adds a nodule")

        service = self.service
        return ServiceDesk(
            service.results, service.queue, Store(service.database), service.intake.folder,
            ImageReader((), 2**30, settings), no_models, settings, step_of=service.step,  # type: ignore[arg-type]
        )  # fmt: skip

    def enter(self, kind: str, finding: str | None = None, **data: str) -> None:
        entry = {"kind": kind, "finding": finding, "data": data, "expected_version": self.version}
        answer = self.client.post(f"/api/studies/{self.key}/entries", json=entry)
        assert answer.status_code == 200, answer.text
        self.version = answer.json()["version"]

    def send(self) -> None:
        while self.signed.look():
            pass
        while self.sender.send_next():
            pass


@pytest.fixture
def pacs() -> Pacs:
    return Pacs()


@pytest.fixture
def reader(
    tmp_path: Path, ct: Path, results: Path, chain_settings: ChainSettings, pacs: Pacs
) -> Iterator[Signed]:
    made = Signed(tmp_path, ct, results, chain_settings, pacs)
    yield made
    made.desk.close()
    made.service.database.close()


def test_what_is_signed_off_is_sent_once_and_again_only_when_it_is_signed_again(
    reader: Signed, pacs: Pacs
) -> None:
    reader.enter("accept", "1")
    reader.send()
    assert pacs.got == []
    reader.enter("reject", "2", reason="vessel")
    reader.enter("sign-off")
    reader.send()
    reader.send()
    first = pacs.uids()
    assert sorted(one.Modality for one in pacs.got) == ["SEG", "SR"]
    assert set(first.values()) == {1}
    sr = next(one for one in pacs.got if one.Modality == "SR")
    assert (sr.VerificationFlag, sr.CompletionFlag) == ("VERIFIED", "COMPLETE")
    assert sr.VerifyingObserverSequence[0].VerifyingOrganization == "clinic"
    seg = next(one for one in pacs.got if one.Modality == "SEG")
    assert len(seg.SegmentSequence) == 1
    downloaded = reader.client.get(f"/api/studies/{reader.key}/exports/sr.dcm").content
    assert sr.SOPInstanceUID.encode() in downloaded, "the same object as the page gives"
    searched = reader.client.get(f"/dicom-web/studies/{reader.key}/instances").json()
    assert set(first) <= {one["00080018"]["Value"][0] for one in searched}

    reader.enter("reopen", reason="one more look")
    reader.send()
    assert pacs.uids() == first
    reader.enter("sign-off")
    reader.send()
    assert len(pacs.uids()) == 4
    assert set(pacs.uids().values()) == {1}


def test_a_kill_before_it_is_put_down_sends_the_same_objects(
    reader: Signed, pacs: Pacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.enter("accept", "1")
    reader.enter("reject", "2", reason="vessel")
    reader.enter("sign-off")
    with monkeypatch.context() as patch:

        def killed(_self: Service, _study: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Service, "destinations", killed)
        with pytest.raises(KeyboardInterrupt):
            reader.signed.look()
    made = {p.name: str(dcmread(p).SOPInstanceUID) for p in reader.folder.rglob("signed/*.dcm")}
    assert len(made) == 2
    reader.send()
    assert pacs.uids() == Counter(made.values())


def test_what_was_signed_off_before_the_service_sent_such_results_is_not_sent(
    reader: Signed, pacs: Pacs
) -> None:
    reader.enter("accept", "1")
    reader.enter("reject", "2", reason="vessel")
    reader.enter("sign-off")
    from nodulus.app.serve.tables import source_positions

    with reader.service.database.write() as connection:
        connection.execute(source_positions.delete())
    reader.send()
    assert pacs.got == []
