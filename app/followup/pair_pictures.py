"""Pictures of a nodule on both scans: the same plane of the patient, the same field, one scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nodulus.app.followup.compare import AnalysedScan
from nodulus.app.followup.result import FollowUp, NoduleChange, NoduleOnScan
from nodulus.app.result import LpsPoint
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.label_boxes import boxes_by_label
from nodulus.app.results.pictures import ZOOM_PIXELS, Picture, contours, lung_window
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame
from nodulus.transforms.hounsfield import AIR_HU

_FIELD_MM = 60.0, 130.0
_FIELD_DIAMETERS = 2.5

PicturePair = tuple[Picture | None, Picture | None]
"""Of the prior and of the current scan; None where the place is outside of the scan."""


def pair_pictures(
    prior: AnalysedScan, current: AnalysedScan, found: FollowUp
) -> tuple[PicturePair, ...]:
    """Draw each nodule on both scans, axial, and its place where it was not found.

    Args:
        prior: the earlier scan.
        current: the later one.
        found: what has changed between them.

    Returns:
        A pair for each of ``found.nodules``.
    """
    boxes = [boxes_by_label(scan.analysis.labels) for scan in (prior, current)]
    return tuple(
        (
            _picture(prior, one, one.prior, boxes[0], "prior"),
            _picture(current, one, one.current, boxes[1], "current"),
        )
        for one in found.nodules
    )


def _picture(
    scan: AnalysedScan,
    change: NoduleChange,
    nodule: NoduleOnScan | None,
    boxes: Mapping[int, tuple[slice, ...]],
    name: str,
) -> Picture | None:
    center = _center(change, nodule)
    if center is None:
        return None
    field_mm = _field_mm(change)
    frame = ViewFrame(
        AnatomicalPlane.AXIAL, center, field_mm / ZOOM_PIXELS, ZOOM_PIXELS, ZOOM_PIXELS
    )
    volume = scan.volume
    base = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
    marks, outline = Overlay(frame), Overlay(frame)
    marks.letters()
    marks.scale_bar(10.0 if field_mm < 100 else 20.0)
    if nodule is not None and (box := boxes.get(nodule.finding_id)) is not None:
        mask = np.pad(scan.analysis.labels[box] == nodule.finding_id, 1)
        place = volume.geometry.cropped([part.start - 1 for part in box], mask.shape)
        for line in contours(mask, place, frame):
            outline.line(line, finding_rgb(nodule.finding_id))
    what = f"Nodule {nodule.finding_id}" if nodule else "The place of the nodule"
    alt = f"{what} on the {name} scan, axial, {field_mm:.0f} mm wide, lung window."
    return Picture(base, marks.image, outline.image, alt, name)


def _center(change: NoduleChange, nodule: NoduleOnScan | None) -> LpsPoint | None:
    if nodule is not None:
        return nodule.center_lps_mm
    if change.other_scan is None or not change.other_scan.inside_scan:
        return None
    return change.other_scan.center_lps_mm


def _field_mm(change: NoduleChange) -> float:
    longest = max(one.longest_diameter_mm for one in (change.prior, change.current) if one)
    return float(np.clip(_FIELD_DIAMETERS * longest, *_FIELD_MM))
