"""A small series under the header of a real scanner, and one attribute of it changed."""

from __future__ import annotations

import copy
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from nodulus.app.reading.slice_header import IDENTITY_TAGS
from nodulus.app.reading.slice_header import TAGS as READ
from nodulus.app.results.source_header import TAGS as WRITTEN
from tests.app.reading.dicom_factory import body_hu

SHAPE_IRC = (12, 28, 24)
STEP_MM = 5.0
SPACING_RC_MM = (0.75, 0.5)
FIRST_LPS_MM = (-100.0, -80.0, -300.0)

CHANGES = ("absent", "empty", "wrong-type", "nonsense", "too-long", "several")

NEEDED = frozenset(
    {
        "BitsAllocated",
        "BitsStored",
        "Columns",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "PhotometricInterpretation",
        "PixelData",
        "PixelRepresentation",
        "PixelSpacing",
        "RescaleIntercept",
        "RescaleSlope",
        "Rows",
        "SOPInstanceUID",
        "SamplesPerPixel",
        "SeriesInstanceUID",
        "StudyInstanceUID",
    }
)
"""Pixels, geometry, rescale and what names the images: without them a study may be refused."""

TO_THE_LETTER = frozenset(
    {
        "AccessionNumber",
        "FrameOfReferenceUID",
        "PatientID",
        "PatientName",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
    }
)
"""What tells patients and images apart: repeated in results even where it is too long."""

LOOKED_AT = frozenset((*READ, *IDENTITY_TAGS, *WRITTEN))

_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4}
_NUMBERS = ("DS", "IS")
_EMPTY_ITEM = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"

Place = tuple[BaseTag, ...]
"""The tags of the sequences that lead to an attribute (first items), and its own."""


@dataclass(frozen=True)
class Case:
    """One attribute and what is done to it."""

    place: Place
    change: str

    @property
    def name(self) -> str:
        """For people."""
        names = [keyword_for_tag(tag) or f"{tag.group:04X}{tag.element:04X}" for tag in self.place]
        return f"{'.'.join(names)} {self.change}"

    @property
    def keyword(self) -> str:
        """Of the attribute itself; empty for a private one."""
        return keyword_for_tag(self.place[-1])

    @property
    def is_needed(self) -> bool:
        """Whether a study may be refused for it."""
        return len(self.place) == 1 and keyword_for_tag(self.place[0]) in NEEDED

    @property
    def is_looked_at(self) -> bool:
        """Whether the code asks for the attribute, or for the sequence that it is in."""
        return keyword_for_tag(self.place[0]) in LOOKED_AT

    @property
    def is_repeated(self) -> bool:
        """Whether results repeat what the standard does not allow."""
        return self.change == "too-long" and self.keyword in TO_THE_LETTER


def real_header(path: Path | None = None) -> Dataset:
    """The header of a real CT image, without its pixels and geometry.

    Args:
        path: of the image; default: the one that pydicom brings along (GE, 2004).
    """
    source = path or get_testdata_file("CT_small.dcm")
    return Dataset(pydicom.dcmread(source, stop_before_pixels=True))


def series(header: Dataset) -> list[Dataset]:
    """Images of a small body, with a header that is a real one's but for pixels and geometry."""
    hu = body_hu(SHAPE_IRC)
    study, one = generate_uid(entropy_srcs=["study"]), generate_uid(entropy_srcs=["series"])
    images = []
    for k, plane in enumerate(hu):
        image = copy.deepcopy(header)
        for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
            image.pop(keyword, None)
        image.SOPInstanceUID = generate_uid(entropy_srcs=["image", str(k)])
        image.StudyInstanceUID, image.SeriesInstanceUID = study, one
        image.InstanceNumber = k + 1
        image.ImagePositionPatient = [*FIRST_LPS_MM[:2], FIRST_LPS_MM[2] + k * STEP_MM]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = list(SPACING_RC_MM), STEP_MM
        image.SliceLocation = k * STEP_MM
        image.Rows, image.Columns = plane.shape
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.PixelRepresentation, image.SamplesPerPixel = 1, 1
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        image.PixelData = plane.astype("<i2").tobytes()
        image["PixelData"].VR = "OW"
        for element in image:
            element.VR = "SS" if element.VR == "US or SS" else element.VR
        images.append(image)
    return images


def places(header: Dataset, above: Place = ()) -> Iterator[Place]:
    """Every attribute, those in the first items of sequences and private ones too."""
    for tag in sorted(header.keys()):
        yield (*above, tag)
        element = header[tag]
        if element.VR == "SQ" and element.value:
            yield from places(element.value[0], (*above, tag))


def cases(header: Dataset) -> list[Case]:
    """Every change of every attribute."""
    return [Case(place, change) for place in places(header) for change in CHANGES]


def write(images: list[Dataset], folder: Path, *cases: Case) -> None:
    """Write each image as a file, with changes; its meta information is that of the unchanged one.

    Element by element, for pydicom would not write what a case makes of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = {case.place: case.change for case in cases}
    for k, image in enumerate(images):
        meta = FileMetaDataset()
        meta.FileMetaInformationVersion = b"\0\1"
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.ImplementationClassUID = "1.2.3"
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_file_meta_info(buffer, meta)
        content = b"\0" * 128 + b"DICM" + buffer.getvalue() + _encoded(image, places)
        (folder / f"{k:03d}.dcm").write_bytes(content)


def _encoded(dataset: Dataset, places: Mapping[Place, str], above: Place = ()) -> bytes:
    """A data set as Explicit VR Little Endian, with the changes below a place."""
    return b"".join(_element(dataset, tag, places, above) for tag in sorted(dataset.keys()))


def _element(dataset: Dataset, tag: BaseTag, places: Mapping[Place, str], above: Place) -> bytes:
    place = (*above, tag)
    element = dataset[tag]
    if place in places:
        return _changed(element, places[place])
    if element.VR == "SQ" and any(other[: len(place)] == place for other in places):
        items = [
            _encoded(item, places if k == 0 else {}, place) for k, item in enumerate(element.value)
        ]
        content = b"".join(
            b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item for item in items
        )
        return _raw(tag, "SQ", content)
    return _plain(element)


_ENCODED: dict[tuple[int, int], tuple[pydicom.DataElement, object, bytes]] = {}
"""What was encoded before; it keeps the elements, so that no other one gets their id."""


def _plain(element: pydicom.DataElement) -> bytes:
    key = id(element), id(element.value)
    if key not in _ENCODED:
        _ENCODED[key] = element, element.value, _plain_anew(element)
    return _ENCODED[key][2]


def _plain_anew(element: pydicom.DataElement) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_data_element(buffer, element, ["latin_1"])
    return buffer.getvalue()


def _raw(tag: BaseTag, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag.group, tag.element, vr.encode())
    if vr in ("OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"):
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def volume_hu() -> np.ndarray:
    """What the series shows."""
    return body_hu(SHAPE_IRC)


def _changed(element: pydicom.DataElement, change: str) -> bytes:
    if change == "absent":
        return b""
    vr = element.VR
    value = b"" if vr == "SQ" else _value(element)
    if change == "empty":
        value = b""
    elif change == "wrong-type":
        is_text = vr in ("LO", "SH", "PN", "LT", "ST", "UT", "AE")
        vr, value = ("FD", struct.pack("<d", -1e300)) if is_text else ("LO", b"no such thing ")
    elif change == "nonsense":
        value = _nonsense(vr)
    elif change == "too-long":
        value = _too_long(vr, value)
    else:
        value = _several(vr, value)
    return _raw(element.tag, vr, value)


def _value(element: pydicom.DataElement) -> bytes:
    """The value as a file has it."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_data_element(buffer, element, ["latin_1"])
    return buffer.getvalue()[8:]


def _nonsense(vr: str) -> bytes:
    if vr == "SQ":
        return _EMPTY_ITEM
    if vr in _SIZES:
        return b"\xff" * (_SIZES[vr] + 2)
    return b"?!\x1b$B\x80\xff not it "


def _too_long(vr: str, value: bytes) -> bytes:
    if vr == "SQ":
        return _EMPTY_ITEM * 2000
    if vr in _NUMBERS:
        text = value.split(b"\\")[0].strip() or b"1"
        rest = value.split(b"\\")[1:]
        first = text + (b"" if b"." in text else b".") + b"0" * 1001
        joined = b"\\".join([first, *rest])
        return joined + b" " * (len(joined) % 2)
    if vr in _SIZES:
        return value * 50
    if vr == "UI":
        return (value.rstrip(b"\0") + b".1" * 60)[:120]
    return (value or b"x") * (1200 // max(1, len(value)) // 2 * 2 + 2)


def _several(vr: str, value: bytes) -> bytes:
    if vr == "SQ":
        return _EMPTY_ITEM * 3
    if vr in _SIZES or vr in ("OB", "OW", "UN"):
        return value * 3
    text = value.rstrip(b"\0 ") or b"1"
    joined = b"\\".join([text] * 3)
    return joined + (b"\0" if vr == "UI" else b" ") * (len(joined) % 2)
