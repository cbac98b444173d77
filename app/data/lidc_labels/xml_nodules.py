"""What the readers of an XML file of LIDC-IDRI agree on, on the images that they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from nodulus.app.data.lidc_labels.consensus import Agreement, count_readers
from nodulus.app.data.lidc_labels.cube_labels import AGREEMENT
from nodulus.app.data.lidc_labels.scan_labels import (
    SAME_LEVEL_FRACTION,
    SAME_LEVEL_MM,
    LabelledNodule,
)
from nodulus.app.data.lidc_labels.xml_reading import LidcXml
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.clusters import cluster_annotations
from nodulus.bundles.common.lidc.database import Annotation, LidcScan, Outline, annotations_of
from nodulus.bundles.common.lidc.shapes import Ratings, ShapeReference
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

_AXIAL_COSINE = 0.999
"""Least cosine between the images' normal and the body axis: outlines are of axial images."""


@dataclass(frozen=True, eq=False)
class XmlNodule:
    """One nodule of a scan.

    Args:
        nodule: the centre and size of what enough of its readers cover, and their ratings.
        covered: how many readers cover each pixel.
        lost: outlines on images that are not there.
    """

    nodule: Nodule
    covered: Agreement
    lost: int


def consensus_nodules(
    xml: LidcXml, source: SourceSlices, slice_mm: float, agreement: float = AGREEMENT
) -> list[XmlNodule]:
    """Put the readers' outlines together.

    Outlines that lie close to each other are one nodule of at most four readers, and a pixel
    belongs to it where enough of them cover it: the rules of `cluster_annotations` and
    `count_readers`, by which LIDC-IDRI's database is read.

    Args:
        xml: as read.
        source: the images, or those of them that have an outline; known by their SOPInstanceUIDs
            where they have any, else by z.
        slice_mm: between neighbouring images.
        agreement: share of its readers that must cover a nodule's pixel, above 0, at most 1.

    Returns:
        The nodules of which enough readers cover a pixel, in the order of the file.

    Raises:
        ValueError: the images are not those that were outlined.
    """
    if abs(float(source.normal[2])) < _AXIAL_COSINE:
        raise ValueError("the images are not axial, and the outlines are of axial ones")
    place = _places(xml, source, slice_mm)
    outlines = [one for reading in xml.readings for one in reading.outlines]
    if outlines and not any(one.sop_instance_uid in place for one in outlines):
        raise ValueError(f"none of its outlines is of an image of series {source.series_uid}")
    levels = source.positions_lps_mm[:, 2]
    scan = LidcScan(0, "", xml.series_uid, source.spacing_rc_mm[1], slice_mm)
    curves: dict[int, list[Outline]] = {}
    for number, reading in enumerate(xml.readings):
        curves[number] = [
            Outline(one.points_xy, float(levels[place[one.sop_instance_uid]]), one.is_hole)
            for one in reading.outlines
            if one.sop_instance_uid in place
        ]
    ratings = {n: reading.ratings or () for n, reading in enumerate(xml.readings)}
    found = []
    for group in cluster_annotations(annotations_of(curves, ratings, scan)):
        covered = count_readers(
            [curves[one.id] for one in group],
            {float(z): k for k, z in enumerate(levels)},
            source.shape_rc,
        )
        if covered is None or not covered.mask(agreement).any():
            continue
        lost = sum(len(xml.readings[a.id].outlines) - len(curves[a.id]) for a in group)
        nodule = _nodule(group, covered, source, slice_mm, agreement)
        found.append(XmlNodule(nodule, covered, lost))
    return found


def _places(xml: LidcXml, source: SourceSlices, slice_mm: float) -> Mapping[str, int]:
    """Which image each outline is of, by the SOPInstanceUID that it names."""
    if source.sop_instance_uids:
        return {uid: k for k, uid in enumerate(source.sop_instance_uids)}
    levels = source.positions_lps_mm[:, 2]
    tolerance = max(SAME_LEVEL_MM, SAME_LEVEL_FRACTION * slice_mm)
    found = {}
    for outline in (one for reading in xml.readings for one in reading.outlines):
        gaps = np.abs(levels - outline.z_mm)
        if gaps.min() <= tolerance:
            found[outline.sop_instance_uid] = int(gaps.argmin())
    return found


def _nodule(
    group: Sequence[Annotation],
    covered: Agreement,
    source: SourceSlices,
    slice_mm: float,
    agreement: float,
) -> Nodule:
    index = np.argwhere(covered.mask(agreement)) + [part.start for part in covered.box]
    down, right = source.spacing_rc_mm
    points = (
        source.positions_lps_mm[index[:, 0]]
        + index[:, 1:2] * down * source.column
        + index[:, 2:3] * right * source.row
    )
    x, y, z = (float(v) for v in points.mean(axis=0))
    diameter = equivalent_diameter_mm(len(index) * down * right * slice_mm)
    rated = tuple(one for one in group if one.ratings)
    if not rated:
        return Nodule(group[0].scan.series_uid, (x, y, z), diameter, readers=len(group))
    reference = ShapeReference("", rated, diameter, Ratings.of(rated))
    ratings = asdict(reference.ratings)
    return Nodule(
        group[0].scan.series_uid,
        (x, y, z),
        diameter,
        malignancy=ratings.pop("malignancy"),
        readers=len(group),
        ratings=ratings,
        spread=LabelledNodule(reference, None, 0).spread,
    )
