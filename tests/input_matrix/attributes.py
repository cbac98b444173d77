"""Attributes that are missing, malformed, private or in another character set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, new_uid, write

TYPE_1 = (
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "FrameOfReferenceUID",
    "HighBit",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "Modality",
    "PhotometricInterpretation",
    "PixelData",
    "PixelRepresentation",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "SeriesInstanceUID",
    "StudyInstanceUID",
)
"""Attributes of type 1 in the modules of a CT image (DICOM PS3.3 A.3.3), as 1C where they apply."""


def _write_changed(source: Source, folder: Path, change: Callable[[Dataset, int], None]) -> None:
    images = source.copies()
    for k, image in enumerate(images):
        change(image, k)
    write(images, folder)


for _keyword in TYPE_1:

    @variant(f"without-{_keyword}")
    def _without(source: Source, folder: Path, keyword: str = _keyword) -> None:
        _write_changed(source, folder, lambda image, k: image.pop(keyword))


@variant("one-slice-without-position")
def _one_without_position(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        if k == 8:
            del image.ImagePositionPatient

    _write_changed(source, folder, change)


@variant("wrong-vrs")
def _wrong_vrs(source: Source, folder: Path) -> None:
    """Numbers as text and text as numbers, as converters and anonymisers write them."""

    def change(image: Dataset, k: int) -> None:
        for keyword, vr in (
            ("PixelSpacing", "LO"),
            ("ImageOrientationPatient", "LO"),
            ("SliceThickness", "SH"),
            ("InstanceNumber", "LO"),
            ("SeriesNumber", "DS"),
        ):
            value = image[keyword].value
            several = isinstance(value, (list, tuple)) or hasattr(value, "append")
            _replace(image, keyword, vr, [str(v) for v in value] if several else str(value))
        _replace(
            image, "ImagePositionPatient", "FD", [float(v) for v in image.ImagePositionPatient]
        )
        _replace(image, "RescaleSlope", "FL", float(image.RescaleSlope))
        _replace(image, "Rows", "UL", int(image.Rows))
        _replace(image, "Columns", "SL", int(image.Columns))
        _replace(image, "Modality", "LO", "CT ")

    _write_changed(source, folder, change)


@variant("unknown-vrs")
def _unknown_vrs(source: Source, folder: Path) -> None:
    """Geometry as UN, as archives write it that do not know the attributes."""

    def change(image: Dataset, k: int) -> None:
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            text = "\\".join(str(value) for value in image[keyword].value)
            _replace(image, keyword, "UN", (text + " " * (len(text) % 2)).encode("ascii"))

    _write_changed(source, folder, change)


@variant("decimal-commas")
def _commas(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        commas = [str(value).replace(".", ",") for value in image.PixelSpacing]
        if not any("," in text for text in commas):
            commas = [f"{text},0" for text in commas]
        _replace(image, "PixelSpacing", "LO", commas)
        element = image["PixelSpacing"]
        element.VR = "DS"

    _write_changed(source, folder, change)


@variant("private-junk")
def _private(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        block = image.private_block(0x0099, "NODULUS JUNK", create=True)
        inner = Dataset()
        inner.private_block(0x0099, "NODULUS JUNK", create=True).add_new(1, "UN", bytes(range(256)))
        block.add_new(1, "OB", bytes(range(256)) * 64)
        block.add_new(2, "SQ", [inner, Dataset(), inner])
        block.add_new(3, "UN", b"\xfe\xff\x00\xe0\xff\xff\xff\xff")
        block.add_new(4, "LO", ["x"] * 40)
        image.add_new(0x00091010, "UN", b"no private creator")

    _write_changed(source, folder, change)


@variant("non-ascii-patient-name")
def _names(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        image.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"

    _write_changed(source, folder, change)


@variant("name-in-undeclared-characters")
def _undeclared(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.SpecificCharacterSet = "ISO_IR 192"
        image.PatientName = "Müller^Jörg".encode("latin-1")
        image.SpecificCharacterSet = "ISO_IR 999"

    _write_changed(source, folder, change)


@variant("empty-optional-attributes")
def _empty(source: Source, folder: Path) -> None:
    """Present without a value, as QIN LUNG CT has SpacingBetweenSlices."""

    def change(image: Dataset, k: int) -> None:
        for keyword in (
            "SpacingBetweenSlices",
            "SliceThickness",
            "ViewPosition",
            "RescaleType",
            "LossyImageCompression",
            "PatientSex",
            "StudyDate",
            "ConvolutionKernel",
            "FrameOfReferenceUID",
            "PositionReferenceIndicator",
        ):
            setattr(image, keyword, "")
        image.PixelAspectRatio = [0, 0]
        image.ReferencedStudySequence = []

    _write_changed(source, folder, change)


@variant("instance-number-as-text")
def _instance_text(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        _replace(image, "InstanceNumber", "LO", f"IM{k}")

    _write_changed(source, folder, change)


@variant("number-of-frames-1")
def _one_frame(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.NumberOfFrames = 1

    _write_changed(source, folder, change)


@variant("frame-of-reference-by-file")
def _frames_of_reference(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.FrameOfReferenceUID = new_uid("frame of reference", k)

    _write_changed(source, folder, change)


@variant("sop-instance-uid-repeated")
def _one_uid(source: Source, folder: Path) -> None:
    uid = source.images[0].SOPInstanceUID

    def change(image: Dataset, k: int) -> None:
        image.SOPInstanceUID = uid

    _write_changed(source, folder, change)


@variant("series-uid-is-none")
def _no_uid(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        _replace(image, "SeriesInstanceUID", "LO", "chest routine")

    _write_changed(source, folder, change)


@variant("directions-that-lean")
def _lean(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        row, column = image.ImageOrientationPatient[:3], image.ImageOrientationPatient[3:]
        leaning = [float(c) + 0.0003 * float(r) for r, c in zip(row, column, strict=True)]
        image.ImageOrientationPatient = [*row, *leaning]

    _write_changed(source, folder, change)


@variant("control-characters-in-names")
def _control(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        _replace(image, "PatientName", "LO", "Never^\x07Shown\r\n")

    _write_changed(source, folder, change)


@variant("sign-unknown-in-one")
def _no_sign(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        if k == 8:
            _replace(image, "PixelRepresentation", "LO", "signed")

    _write_changed(source, folder, change)


@variant("fewer-images-than-stated")
def _stated(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.ImagesInAcquisition = len(source.images) + 40

    _write_changed(source, folder, change)


@variant("patient-name-differs-in-some")
def _names_differ(source: Source, folder: Path) -> None:
    def change(image: Dataset, k: int) -> None:
        image.PatientName = "Never^Shown^Again" if k % 3 == 0 else "Never^Shown"

    _write_changed(source, folder, change)


def _replace(image: Dataset, keyword: str, vr: str, value: object) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(keyword)
    image[tag] = DataElement(tag, vr, value)
