"""Reads the XML files in which LIDC-IDRI is published: what each reader outlined in a CT.

Form: LidcReadMessage.xsd of The Cancer Imaging Archive (Armato et al., Medical Physics 38(2), 2011,
section II.C). A ``readingSession`` is a reader; an ``unblindedReadNodule`` of 3 mm and more has an
outline on each image (``roi``), a smaller one a single point, and a ``nonNodule`` no outline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from nodulus.bundles.common.lidc.database import FEATURES

XML_SUFFIX = ".xml"
_ROOT = "LidcReadMessage"
_LOOKED_AT = 4096
"""Bytes in which the root element must begin."""


@dataclass(frozen=True, eq=False)
class XmlOutline:
    """One closed curve on one image.

    Args:
        sop_instance_uid: of the image.
        z_mm: of the image, as the file says.
        points_xy: shape (n, 2), pixel centres (column, row): the first ones outside the nodule.
        is_hole: what it encloses is no nodule.
    """

    sop_instance_uid: str
    z_mm: float
    points_xy: NDArray[np.float64]
    is_hole: bool


@dataclass(frozen=True, eq=False)
class XmlReading:
    """One nodule of one reader.

    Args:
        reader: number of the reading session, from 0.
        ratings: in the order of ``database.FEATURES``; None where the reader gave none.
        outlines: at least one.
    """

    reader: int
    ratings: tuple[int, ...] | None
    outlines: tuple[XmlOutline, ...]


@dataclass(frozen=True, eq=False)
class LidcXml:
    """What a file says.

    Args:
        path: the file.
        series_uid: SeriesInstanceUID of the CT that was read.
        readings: of nodules of 3 mm and more; empty where no reader outlined one.
        points: how many smaller nodules were marked by a point.
    """

    path: Path
    series_uid: str
    readings: tuple[XmlReading, ...]
    points: int


def is_lidc_xml(path: Path) -> bool:
    """Whether a file is such XML of a CT: those of radiographs have another root element."""
    if path.suffix.lower() != XML_SUFFIX:
        return False
    try:
        with path.open("rb") as file:
            return f"<{_ROOT}".encode() in file.read(_LOOKED_AT)
    except OSError:
        return False


def read_lidc_xml(path: Path) -> LidcXml:
    """Read a file.

    Args:
        path: one that `is_lidc_xml` knows.

    Raises:
        ValueError: it cannot be read, or does not say what it must; without the path.
    """
    try:
        # expat bounds the expansion of entities, and ElementTree fetches none.
        root = ET.parse(path).getroot()  # noqa: S314
    except (OSError, ET.ParseError) as error:
        raise ValueError(f"it is no whole XML ({error})") from error
    series_uid = next((t for t in _texts(root, "SeriesInstanceUid") if t), None)
    if series_uid is None:
        raise ValueError("it names no series (SeriesInstanceUid)")
    sessions = [item for item in root if _name(item) == "readingsession"]
    readings, points = [], 0
    for number, session in enumerate(sessions):
        for nodule in session:
            if _name(nodule) != "unblindedreadnodule":
                continue
            outlines = [_outline(roi) for roi in nodule if _name(roi) == "roi"]
            drawn = tuple(one for one in outlines if len(one.points_xy) > 1)
            if drawn:
                readings.append(XmlReading(number, _ratings(nodule), drawn))
            else:
                points += 1
    return LidcXml(path, series_uid, tuple(readings), points)


def _name(item: ET.Element) -> str:
    """Without its namespace, in small letters: files of different years differ in both."""
    return item.tag.rpartition("}")[2].lower()


def _texts(item: ET.Element, name: str) -> Iterator[str]:
    for child in item.iter():
        if _name(child) == name.lower():
            yield (child.text or "").strip()


def _text(item: ET.Element, name: str) -> str:
    found = next(_texts(item, name), "")
    if not found:
        raise ValueError(f"an outline has no {name}")
    return found


def _outline(roi: ET.Element) -> XmlOutline:
    points = [
        (float(_text(edge, "xCoord")), float(_text(edge, "yCoord")))
        for edge in roi
        if _name(edge) == "edgemap"
    ]
    if not points:
        raise ValueError("an outline has no point")
    return XmlOutline(
        _text(roi, "imageSOP_UID"),
        float(_text(roi, "imageZposition")),
        np.array(points, dtype=np.float64),
        _text(roi, "inclusion").upper() == "FALSE",
    )


def _ratings(nodule: ET.Element) -> tuple[int, ...] | None:
    """The nine ratings; None where one is missing, or 0, which stands for none."""
    given = []
    for feature in FEATURES:
        text = next(_texts(nodule, feature), "")
        if not text.isdecimal() or int(text) == 0:
            return None
        given.append(int(text))
    return tuple(given)
