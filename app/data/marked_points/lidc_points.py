"""The nodules of an XML file of LIDC-IDRI, placed by the images that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread

from nodulus.app.data.lidc_labels.xml_nodules import consensus_nodules
from nodulus.app.data.lidc_labels.xml_reading import LidcXml, read_lidc_xml
from nodulus.app.data.marked_points.marked_points import refused
from nodulus.app.data.marked_points.measurement_report import Finder
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.bundles.common.data.tables import Nodule

_TAGS = [
    "Columns",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
    "Rows",
    "SeriesInstanceUID",
    "SliceThickness",
]
_REMEDY = (
    "Give the XML as The Cancer Imaging Archive publishes it, in the folder of its images; or"
    " prepare the scans with it (nodulus prepare folder DIR --masks DIR) and give the cache's"
    " nodules.csv."
)


def lidc_nodules(path: Path, find: Finder) -> list[Nodule]:
    """Read what at least half of the readers of each nodule cover.

    Args:
        path: the file.
        find: gives the images that it refers to.

    Raises:
        NodulusError: ``input-not-readable``: it cannot be read, or its images are not at hand.
    """
    try:
        xml = read_lidc_xml(path)
        if not xml.readings:
            return []
        source, slice_mm = _images(xml, find)
        return [one.nodule for one in consensus_nodules(xml, source, slice_mm)]
    except ValueError as error:
        raise refused(path, f"It cannot be read as XML of LIDC-IDRI: {error}.", _REMEDY) from error


def _images(xml: LidcXml, find: Finder) -> tuple[SourceSlices, float]:
    """The images with an outline, and the distance between neighbours of the series."""
    uids = {one.sop_instance_uid for reading in xml.readings for one in reading.outlines}
    headers: dict[str, Any] = {}
    for uid in sorted(uids):
        file = find(uid)
        if file is not None:
            headers[uid] = dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
    if not headers:
        raise ValueError(f"none of the {len(uids)} images that it outlines is at hand")
    first: Any = next(iter(headers.values()))
    row, column = np.asarray(first.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    normal = np.cross(row, column)
    place = {u: np.asarray(h.ImagePositionPatient, dtype=np.float64) for u, h in headers.items()}
    ordered = sorted(headers, key=lambda uid: float(place[uid] @ normal))
    gaps = np.diff([float(place[uid] @ normal) for uid in ordered])
    down, right = (float(v) for v in first.PixelSpacing)
    source = SourceSlices(
        series_uid=str(first.SeriesInstanceUID),
        frame_of_reference_uid=None,
        positions_lps_mm=np.array([place[uid] for uid in ordered]),
        row=row,
        column=column,
        spacing_rc_mm=(down, right),
        shape_rc=(int(first.Rows), int(first.Columns)),
        sop_instance_uids=tuple(ordered),
    )
    # Outlines of one nodule lie on neighbouring images.
    return source, float(gaps.min()) if len(gaps) else float(first.SliceThickness)
