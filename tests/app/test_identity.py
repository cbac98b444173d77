"""Nobody's name, ID or birth date stands anywhere but in DICOM headers."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from pydicom import Dataset, dcmread

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import body_hu, write_series

NAME, IDENTIFIER, BIRTH_DATE = "Zyxwvut^Qponmlk", "PID-8642097531", "19370429"
TRACES = (b"zyxwvut", b"qponmlk", b"8642097531", b"19370429", b"1937-04-29", b"29.04.1937")
OPTIONS = ("--debug", "--keep-intermediates")


def named(dataset: Dataset, _index: int) -> None:
    dataset.PatientName, dataset.PatientID = NAME, IDENTIFIER
    dataset.PatientBirthDate = BIRTH_DATE
    dataset.OtherPatientIDs = IDENTIFIER
    dataset.PatientComments = f"{NAME} born {BIRTH_DATE}"
    dataset.ImageComments = NAME
    dataset.StudyDescription = NAME
    dataset.ReferringPhysicianName = NAME
    dataset.private_block(0x0011, NAME, create=True).add_new(1, "LO", IDENTIFIER)


def named_badly(dataset: Dataset, index: int) -> None:
    """Values that the DICOM libraries warn about, quoting them."""
    named(dataset, index)
    dataset.add_new("PatientBirthDate", "DA", f"{NAME[:7]} {BIRTH_DATE}")
    dataset.add_new("PatientSex", "CS", NAME)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """A study that can be analysed; one with too few slices; a broken file; an MR."""
    folder = tmp_path_factory.mktemp("in")
    first = volume.geometry.affine_lps[:3, 3]
    place = {"spacing_mm": (1.5, 1.5), "step_mm": 2.0, "first_lps_mm": first}
    write_series(folder / "good", volume.hu, study="good", edit=named, **place)
    write_series(folder / "few", body_hu((4, 24, 20)), study="few", edit=named_badly)
    paths = write_series(folder / "cut", body_hu((12, 24, 20)), study="cut", edit=named_badly)
    for path in paths[::2]:
        path.write_bytes(path.read_bytes()[:-400])
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    return folder


def expanded(content: bytes) -> Iterator[bytes]:
    """Bytes, and those that are packed within: pictures in a page, a picture's text, archives."""
    yield content
    for found in re.findall(rb"base64,([A-Za-z0-9+/=]+)", content):
        yield from expanded(base64.b64decode(found))
    if content.startswith(b"\x89PNG"):
        yield repr(Image.open(io.BytesIO(content)).info).encode()
    if content.startswith(b"\x1f\x8b"):
        yield from expanded(gzip.decompress(content))
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from expanded(archive.read(name))


def traces(content: bytes) -> set[bytes]:
    return {t for part in expanded(content) for t in TRACES if t in part.lower()}


def test_the_search_finds_what_is_packed(tmp_path: Path) -> None:
    picture = io.BytesIO()
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Patient", NAME, zip=True)
    Image.new("L", (2, 2)).save(picture, "PNG", pnginfo=info)
    page = b'<img src="data:image/png;base64,' + base64.b64encode(picture.getvalue()) + b'">'
    assert traces(page) == {b"zyxwvut", b"qponmlk"}
    assert traces(gzip.compress(IDENTIFIER.encode())) == {b"8642097531"}


def run(
    source: Path, output: Path, *more: str, capfd: pytest.CaptureFixture[str]
) -> tuple[int, bytes]:
    """Run the command; give its status and all that it has said."""
    done = CliRunner().invoke(cli, ["detect", str(source), "-o", str(output), *OPTIONS, *more])
    captured = capfd.readouterr()
    said = done.output + done.stderr + captured.out + captured.err
    return done.exit_code, said.encode()


@pytest.fixture
def fake_models(
    monkeypatch: pytest.MonkeyPatch, models: Models, chain_settings: ChainSettings
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: models)
    monkeypatch.setattr("nodulus.app.chain.load_settings", lambda *_, **__: chain_settings)


@pytest.mark.usefixtures("fake_models")
@pytest.mark.parametrize("deidentified", [False, True])
def test_identity_is_in_dicom_headers_or_nowhere(
    source: Path,
    tmp_path: Path,
    deidentified: bool,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    output = tmp_path / "out"
    more = ("--marks", str(tmp_path / "out" / "marks.csv"))
    more += ("--deidentify",) if deidentified else ()
    with caplog.at_level("DEBUG"):
        status, said = run(source, output, *more, capfd=capfd)
    assert status == 1  # for the broken ones
    assert b"2 findings" in said
    assert b"[truncated-file]" in said
    assert b"[too-few-slices]" in said
    assert traces(said) == set()
    assert traces(caplog.text.encode()) == set()
    assert traces("\n".join(str(w.message) for w in recwarn).encode()) == set()
    files = [path for path in output.rglob("*") if path.is_file()]
    assert {"findings.json", "report.html", "nodules_sr.dcm", "summary.json", "index.html"} <= {
        path.name for path in files
    }
    for path in files:
        assert traces(str(path.relative_to(output)).encode()) == set()
        found = traces(path.read_bytes())
        if path.suffix == ".dcm" and not deidentified:
            assert dcmread(path).PatientName == NAME
        else:
            assert found == set(), path.name
    if deidentified:
        check_uids(source, output, said)


def check_uids(source: Path, output: Path, said: bytes) -> None:
    """The results have UIDs of their own, and the same ones everywhere."""
    originals = set()
    for path in source.rglob("*.dcm"):
        image = dcmread(path, stop_before_pixels=True, force=True)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            originals.add(str(image.get(keyword, "none at all")).encode())
    for path in output.rglob("*"):
        assert path.name.encode() not in originals
        if path.is_file():
            parts = b"\n".join(expanded(path.read_bytes()))
            assert [uid for uid in originals if uid in parts] == [], path.name
    summary = json.loads((output / "summary.json").read_text())
    (good,) = [s for s in summary["studies"] if s["error"] is None]
    folder = output / good["key"]
    assert json.loads((folder / "findings.json").read_text())["study_uid"] == good["key"]
    assert dcmread(folder / "nodules_seg.dcm").StudyInstanceUID == good["key"]
    assert good["key"].encode() in said
    assert str(source) not in (output / "summary.json").read_text()
