"""What Orthanc takes by the shipped settings, and by those of docs/deploy.md for known senders."""

from __future__ import annotations

import errno
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE

from tests.app.deploy.conftest import REPOSITORY
from tests.app.deploy.orthanc_server import DICOM_PORT, Server, orthanc
from tests.app.reading.dicom_factory import body_hu, write_series

CONFIG = REPOSITORY / "app" / "deploy" / "containers" / "orthanc.json"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"


def documented() -> dict[str, Any]:
    """The settings for known senders in docs/deploy.md."""
    page = (REPOSITORY / "docs" / "deploy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(\{\n  \"DicomAlwaysAllowStore\".*?)```", page, re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


@contextmanager
def running(folder: Path, more: dict[str, Any]) -> Iterator[Server]:
    config = {**json.loads(CONFIG.read_text()), "RegisteredUsers": {"nodulus": "secret"}, **more}
    with orthanc(folder, config) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, alone: None) -> Iterator[Server]:
    """With the documented senders; one is on this computer, the other is not."""
    more = documented()
    titles = [title for title, _, _ in senders(more)]
    assert titles == ["CT1", "PACS"]
    more["DicomModalities"]["ct1"]["Host"] = "127.0.0.1"
    more["DicomScpTimeout"] = 2
    with running(tmp_path_factory.mktemp("strict"), more) as server:
        yield server


def senders(config: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(m["AET"], m["Host"], m["AllowStore"]) for m in config["DicomModalities"].values()]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dcmread(write_series(tmp_path_factory.mktemp("ct"), body_hu((1, 8, 8)))[0])


def associated(calling: str, called: str) -> Any:
    entity = AE(calling)
    entity.add_requested_context(CT_STORAGE)
    entity.add_requested_context(VERIFICATION)
    entity.acse_timeout = entity.dimse_timeout = 20
    return entity.associate("127.0.0.1", DICOM_PORT, ae_title=called)


def is_stored(calling: str, called: str, image: Dataset) -> bool:
    association = associated(calling, called)
    if not association.is_established:
        return False
    try:
        status = association.send_c_store(image).get("Status")
    except (ValueError, RuntimeError):  # no context for it, or it was aborted
        return False
    finally:
        association.release()
    return status == 0


@pytest.mark.orthanc
def test_as_shipped_it_takes_images_of_any_sender_that_knows_its_title(
    alone: None, tmp_path: Path, image: Dataset
) -> None:
    with running(tmp_path / "shipped", {}):  # before the other one, on the same ports
        assert is_stored("STRANGER", "NODULUS", image)
        assert not is_stored("STRANGER", "OTHER", image)


@pytest.mark.orthanc
def test_a_sender_that_is_listed_may_store(strict: Server, image: Dataset) -> None:
    assert is_stored("CT1", "NODULUS", image)
    assert strict.get("/statistics")["CountInstances"] == 1


@pytest.mark.orthanc
@pytest.mark.parametrize(
    ("calling", "called"),
    [("STRANGER", "NODULUS"), ("CT1", "OTHER"), ("PACS", "NODULUS")],
    ids=["unknown title", "wrong called title", "known title from another address"],
)
def test_others_may_not(strict: Server, image: Dataset, calling: str, called: str) -> None:
    image = image.copy()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    before = strict.get("/statistics")["CountInstances"]
    assert not is_stored(calling, called, image)
    assert strict.get("/statistics")["CountInstances"] == before


@pytest.mark.orthanc
def test_associations_that_stay_open_and_silent_are_ended(strict: Server, image: Dataset) -> None:
    """More than there are threads for associations; the listed sender still gets through."""
    with ExitStack() as stack:
        for _ in range(6):
            association = associated("CT1", "NODULUS")
            stack.callback(association.abort)
        assert is_stored("CT1", "NODULUS", image)


def _say_and_wait_for_the_end(one: socket.socket, content: bytes) -> None:
    """Send, and read until the peer closes; a timeout is an error, a reset is not."""
    try:
        one.sendall(content)
        one.shutdown(socket.SHUT_WR)
        while one.recv(4096):
            pass
    except TimeoutError:
        raise
    except OSError as error:
        # The peer may have gone at any of the three: ENOTCONN is no ConnectionError.
        if error.errno not in {errno.ENOTCONN, errno.ECONNRESET, errno.EPIPE}:
            raise


@pytest.mark.orthanc
def test_rubbish_ends_its_own_connection_alone(strict: Server, image: Dataset) -> None:
    for content in (b"\xff" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff"):
        place = ("127.0.0.1", DICOM_PORT)
        with socket.create_connection(place, timeout=60) as one:
            _say_and_wait_for_the_end(one, content)
    association = associated("CT1", "NODULUS")
    broken = Dataset()
    broken.SOPClassUID, broken.SOPInstanceUID = CT_STORAGE, "1.2.3.4"
    broken.file_meta = image.file_meta
    before = strict.get("/statistics")["CountInstances"]
    assert association.send_c_store(broken).get("Status") != 0, "it names no study"
    association.abort()
    assert strict.get("/statistics")["CountInstances"] == before
    assert is_stored("CT1", "NODULUS", image)
