"""How the files are packed, and what can be broken about them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, write


@variant("dicomdir")
def _dicomdir(source: Source, folder: Path) -> None:
    files = FileSet()
    for image in source.copies():
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        for keyword in ("StudyDate", "StudyTime", "StudyID", "PatientID"):
            if not image.get(keyword):
                setattr(
                    image, keyword, {"StudyDate": "20200101", "StudyTime": "1200"}.get(keyword, "1")
                )
        files.add(image)
    files.write(folder)


@variant("zip")
def _zip(source: Source, folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    paths = write(source.copies(), inner)
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, f"export/{path.name}")
            path.unlink()
    inner.rmdir()


@variant("without-preamble")
def _without_preamble(source: Source, folder: Path) -> None:
    """Neither preamble nor file meta information, in either VR encoding."""
    for k, image in enumerate(source.copies()):
        bare = Dataset(image)
        pydicom.dcmwrite(
            folder / f"IM{k:04d}",
            bare,
            enforce_file_format=False,
            implicit_vr=bool(k % 2),
            little_endian=True,
        )


@variant("other-files-beside")
def _other_files(source: Source, folder: Path) -> None:
    write(source.copies(), folder)
    (folder / "README.TXT").write_text("Viewer on this disc.")
    (folder / "AUTORUN.INF").write_bytes(b"[autorun]\r\nopen=viewer.exe\r\n")
    (folder / "VIEWER.EXE").write_bytes(b"MZ" + bytes(4096))
    (folder / "THUMB.JPG").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))


@variant("zero-length-file")
def _zero_length(source: Source, folder: Path) -> None:
    paths = write(source.copies(), folder)
    paths[len(paths) // 3].write_bytes(b"")


@variant("file-cut-in-its-header")
def _cut_header(source: Source, folder: Path) -> None:
    path = _middle(write(source.copies(), folder))
    path.write_bytes(path.read_bytes()[:400])


@variant("file-cut-in-its-pixels")
def _cut_pixels(source: Source, folder: Path) -> None:
    path = _middle(write(source.copies(), folder))
    path.write_bytes(path.read_bytes()[:-1000])


@variant("compressed-file-cut")
def _cut_compressed(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.compress(RLELossless, generate_instance_uid=False)
    path = _middle(write(images, folder, syntax=RLELossless))
    path.write_bytes(path.read_bytes()[:-1000])


@variant("every-file-cut")
def _all_cut(source: Source, folder: Path) -> None:
    for path in write(source.copies(), folder):
        path.write_bytes(path.read_bytes()[:-1000])


@variant("pixel-data-too-short")
def _short(source: Source, folder: Path) -> None:
    """The element is complete, but holds fewer values than Rows x Columns."""
    images = source.copies()
    middle = images[len(images) // 3]
    middle.PixelData = middle.PixelData[: len(middle.PixelData) // 2]
    write(images, folder)


@variant("pixel-data-too-short-everywhere")
def _all_short(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.PixelData = image.PixelData[: len(image.PixelData) // 2]
    write(images, folder)


def _middle(paths: list[Path]) -> Path:
    return paths[len(paths) // 3]
