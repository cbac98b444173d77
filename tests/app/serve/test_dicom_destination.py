"""Results are sent by C-STORE, to servers of others too, and none is lost or sent twice."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("pynetdicom")
from click.testing import CliRunner
from pydicom import dcmread
from pynetdicom import AE

from nodulus.app.commands.root import cli
from nodulus.app.commands.store_options import store_destinations
from nodulus.app.errors import NodulusError
from nodulus.app.serve.dicom_destination import DicomAddress, DicomDestination, store_tls
from nodulus.app.serve.sender import DeliveryError, delivery_counts
from tests.app.deploy.orthanc_server import DICOM_PORT, orthanc
from tests.app.serve.service_samples import make_service, make_study, wait_for
from tests.app.serve.storage_scp import storage_scp

DCMTK = Path("/usr/bin/storescp")
DCMTK_PORT = 11112
VERIFICATION = "1.2.840.10008.1.1"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make_study(tmp_path / "object", "a")[0]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("PACS@pacs.example.org:104", DicomAddress("PACS", "pacs.example.org", 104)),
        (" MY PACS @10.0.0.1:11112", DicomAddress("MY PACS", "10.0.0.1", 11112)),
        ("PACS@[::1]:104", DicomAddress("PACS", "::1", 104)),
    ],
)
def test_addresses(text: str, address: DicomAddress) -> None:
    assert DicomAddress.parse(text) == address
    assert DicomAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["PACS", "pacs:104", "@pacs:104", "PACS@pacs", "PACS@pacs:0", "PACS@pacs:65536", "P@CS@pacs:1",
     "AN_AE_TITLE_OF_17@pacs:104", "PA\\CS@pacs:104", "PÄCS@pacs:104", "PACS@::1:104",
     "PACS@pacs:1o4"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no"):
        DicomAddress.parse(text)
    done = CliRunner().invoke(cli, ["serve", str(tmp_path / "data"), "--store", text])
    assert done.exit_code == 2
    assert "--store" in done.output


def test_an_object_arrives(file: Path) -> None:
    with storage_scp() as scp:
        DicomDestination(scp.address, "OURS").send(file)
        assert dict(scp.instances) == {dcmread(file).SOPInstanceUID: 1}
        assert scp.callers == {"OURS"}


@pytest.mark.parametrize("status", [0x0111, 0xB000, 0xB006, 0xB007])
def test_one_that_is_there_already_or_is_changed_counts_as_sent(file: Path, status: int) -> None:
    with storage_scp(status=lambda _uid: status) as scp:
        DicomDestination(scp.address).send(file)
        assert scp.instances.total() == 1


@pytest.mark.parametrize("status", [0x0122, 0xA700, 0xA900, 0xC001])
def test_what_it_does_not_store_is_told_by_its_status(file: Path, status: int) -> None:
    with (
        storage_scp(status=lambda _uid: status) as scp,
        pytest.raises(DeliveryError, match=f"{status:#06x}"),
    ):
        DicomDestination(scp.address).send(file)


def test_why_there_is_no_association_is_told(file: Path) -> None:
    with storage_scp() as scp:
        other = DicomAddress("OTHER", "127.0.0.1", scp.port)
        with pytest.raises(DeliveryError, match="AE titles"):
            DicomDestination(other).send(file)
        gone = scp.address
    with pytest.raises(DeliveryError, match="no association"):
        DicomDestination(gone).send(file)
    with (
        storage_scp(sop_classes=[COMPREHENSIVE_3D_SR]) as scp,
        pytest.raises(DeliveryError, match="of this kind"),
    ):
        DicomDestination(scp.address).send(file)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two servers that sign themselves, and are called 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("pacs", "stranger"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    return folder


def serving(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


def test_by_tls_the_peer_is_verified(file: Path, certificates: Path) -> None:
    trusted = store_tls(certificates / "pacs.pem")
    with storage_scp(serving(certificates, "pacs")) as scp:
        DicomDestination(scp.address, tls=trusted).send(file)
        assert scp.instances.total() == 1
        other_name = DicomAddress("PACS", "localhost", scp.port)
        with pytest.raises(DeliveryError, match="TLS"):
            DicomDestination(other_name, tls=trusted).send(file)
    with storage_scp(serving(certificates, "stranger")) as scp:
        with pytest.raises(DeliveryError, match="TLS"):
            DicomDestination(scp.address, tls=trusted).send(file)
        assert scp.instances.total() == 0


def test_a_peer_that_asks_for_our_certificate_gets_it(file: Path, certificates: Path) -> None:
    asking = serving(certificates, "pacs")
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(certificates / "stranger.pem")
    ca, certificate, key = (certificates / n for n in ("pacs.pem", "stranger.pem", "stranger.key"))
    with storage_scp(asking) as scp:
        with pytest.raises(DeliveryError):
            DicomDestination(scp.address, tls=store_tls(ca)).send(file)
        found = store_destinations((), (scp.address,), "OURS", ca, certificate, key)
        ((name, destination),) = found.items()
        assert name == f"dicom+tls://{scp.address}"
        destination.send(file)
        assert scp.callers == {"OURS"}


def test_certificates_that_cannot_be_used_are_named(file: Path) -> None:
    with pytest.raises(NodulusError, match="--store-ca"):
        store_tls(file)


def test_a_pacs_that_fails_for_a_while_gets_each_object_once(data: Path, tmp_path: Path) -> None:
    failures = [0xA700, 0xA700]

    def status(_uid: str) -> int:
        return failures.pop() if failures else 0x0000

    with storage_scp(status=status) as scp:
        destinations = {"dicom://pacs": DicomDestination(scp.address)}
        service, desk = make_service(data, destinations=destinations)
        for name in ("a", "b"):
            make_study(tmp_path / name, name)
            service.intake.take_path(tmp_path / name, "zip")
        service.start(lambda: None)
        try:
            wait_for(lambda: delivery_counts(service.database)["sent"] == 2)
            time.sleep(1)
        finally:
            service.stop()
            desk.close()
            service.database.close()
    assert len(scp.instances) == 2
    assert scp.instances.total() == 4, "two were refused at first"


@contextmanager
def dcmtk(folder: Path) -> Iterator[None]:
    """Run dcmtk's storescp, which listens everywhere; to be called in a network of one's own."""
    folder.mkdir()
    arguments = [str(DCMTK), "--aetitle", "DCMTK", "--output-directory", str(folder)]
    process = subprocess.Popen([*arguments, str(DCMTK_PORT)])
    try:
        wait_for(lambda: _answers("DCMTK", DCMTK_PORT), 30)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(ae_title: str, port: int) -> bool:
    entity = AE()
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", port, ae_title=ae_title)
    if not association.is_established:
        return False
    association.release()
    return True


@pytest.mark.skipif(not DCMTK.exists(), reason="needs dcmtk's storescp (Debian package dcmtk)")
def test_dcmtks_storescp_has_the_object(alone: None, file: Path, tmp_path: Path) -> None:
    with dcmtk(tmp_path / "stored"):
        DicomDestination(DicomAddress("DCMTK", "127.0.0.1", DCMTK_PORT)).send(file)
    (stored,) = (tmp_path / "stored").iterdir()
    assert dcmread(stored) == dcmread(file)


@pytest.mark.orthanc
def test_a_real_orthanc_has_the_object(alone: None, data: Path, tmp_path: Path) -> None:
    with orthanc(tmp_path / "orthanc", {}) as server:
        address = DicomAddress("ORTHANC", "127.0.0.1", DICOM_PORT)
        service, desk = make_service(data, destinations={"orthanc": DicomDestination(address)})
        files = make_study(tmp_path / "a", "a", slices=3)
        service.intake.take_path(tmp_path / "a", "zip")
        service.start(lambda: None)
        try:
            wait_for(lambda: delivery_counts(service.database)["sent"] == 1, 120)
        finally:
            service.stop()
            desk.close()
            service.database.close()
        (instance,) = server.get("/instances")
        tags = server.get(f"/instances/{instance}/simplified-tags")
        assert tags["StudyInstanceUID"] == dcmread(files[0]).StudyInstanceUID
        assert tags["Modality"] == "SR"
