"""Zip files are read as the folders in them; damaged and hostile ones are refused."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies, limits
from nodulus.app.reading.archive import Archives

from .dicom_factory import body_hu, write_series


def packed(folder: Path, archive: Path, top: str = "Never Shown/study") -> Path:
    """A zip file of a folder, as an archive's export has it."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"{top}/{path.name}")
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", body_hu())
    return packed(tmp_path / "ct", tmp_path / "study.zip")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_zip_file_is_the_series_that_is_in_it(archive: Path, places: Path) -> None:
    (plain,) = find_studies(archive.parent / "ct").studies
    with Archives() as archives:
        found = find_studies(archive, archives=archives)
        (study,) = found.studies
        assert found.problems == ()
        volume = study.load()
        (folder,) = places.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert list(places.iterdir()) == []
    np.testing.assert_array_equal(volume.hu, plain.load().hu)
    assert study.key == plain.key


def test_zip_files_in_a_folder_are_read_too(archive: Path) -> None:
    write_series(archive.parent / "ct", body_hu(), study="other")
    with Archives() as archives:
        found = find_studies(archive.parent, archives=archives)
        assert len(found.studies) == 2
        assert [study.error for study in found.studies] == [None, None]
    assert found.problems == ()


def test_a_broken_zip_file_in_a_folder_is_named_and_the_rest_is_read(archive: Path) -> None:
    broken = archive.with_name("broken.zip")
    broken.write_bytes(archive.read_bytes()[:5000])
    with Archives() as archives:
        found = find_studies(archive.parent, archives=archives)
    assert len(found.studies) == 1
    (problem,) = found.problems
    assert (problem.code, problem.subject) == (ErrorCode.ARCHIVE_NOT_READABLE, str(broken))


def test_a_member_that_is_damaged_is_named_as_in_the_archive(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", body_hu())
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    archive = packed(tmp_path / "ct", tmp_path / "study.zip")
    with Archives() as archives:
        found = find_studies(archive, archives=archives)
        paths = [p.subject for p in found.problems]
    assert paths == [f"{archive}/Never Shown/study/{Path(paths[0]).name}"]


def refusal(archive: Path) -> NodulusError:
    with Archives() as archives, pytest.raises(NodulusError) as caught:
        find_studies(archive, archives=archives)
    assert caught.value.subject == str(archive)
    return caught.value


@pytest.mark.parametrize(
    "name", ["../outside.dcm", "a/../../outside.dcm", "/outside.dcm", "C:\\outside.dcm", "..\\x"]
)
def test_nothing_is_written_outside(tmp_path: Path, places: Path, name: str) -> None:
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(name), b"x")
    before = sorted(tmp_path.rglob("*"))
    error = refusal(archive)
    assert error.code is ErrorCode.ARCHIVE_REFUSED
    assert "leads out" in error.message
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, places: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("zeros.dcm", "w") as member,
    ):
        for _ in range(limits.LARGE_ARCHIVE_BYTES // 2**20 + 1):
            member.write(bytes(2**20))
    error = refusal(archive)
    assert error.code is ErrorCode.ARCHIVE_REFUSED
    assert "times its size" in error.message
    assert list(places.iterdir()) == []


def test_a_member_that_says_less_than_it_holds_is_no_way_round(archive: Path, places: Path) -> None:
    content = bytearray(archive.read_bytes())
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, 10)  # its size in the central directory
    archive.write_bytes(content)
    assert refusal(archive).code is ErrorCode.ARCHIVE_NOT_READABLE
    assert list(places.rglob("*.dcm")) == []


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [("MAX_ARCHIVE_FILES", 39, "40 files"), ("MAX_ARCHIVE_BYTES", 1000, "1,000 are read")],
)
def test_limits_hold(
    archive: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, said: str
) -> None:
    monkeypatch.setattr(limits, limit, value)
    error = refusal(archive)
    assert error.code is ErrorCode.ARCHIVE_REFUSED
    assert said in error.message


def test_a_full_disk_is_foreseen(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert "10 are free" in refusal(archive).message


def test_an_encrypted_archive_says_so(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(signature)
        content[place + offset] |= 1
    archive.write_bytes(content)
    error = refusal(archive)
    assert (error.code, error.message) == (
        ErrorCode.ARCHIVE_NOT_READABLE,
        "The archive is encrypted.",
    )


def test_an_archive_in_an_archive_is_named(archive: Path) -> None:
    outer = archive.with_name("outer.zip")
    with zipfile.ZipFile(outer, "w") as file:
        file.write(archive, "inner/study.zip")
    with Archives() as archives:
        found = find_studies(outer, archives=archives)
    (problem,) = found.problems
    assert problem.code is ErrorCode.ARCHIVE_REFUSED
    assert problem.subject == os.path.join(outer, "inner", "study.zip")  # noqa: PTH118


def test_hidden_files_alone_are_an_empty_archive(tmp_path: Path) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__MACOSX/._a.dcm", b"x")
        file.writestr(".DS_Store", b"x")
    assert refusal(archive).code is ErrorCode.INPUT_EMPTY
