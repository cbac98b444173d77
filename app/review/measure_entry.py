"""What an entry makes of the images: an outline, measured with the chain's measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.chain.at_point import finding_at
from nodulus.app.chain.findings import Ratings, measured_finding
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.entries import (
    EntryData,
    Measured,
    Outline,
    OutlinedBy,
    Place,
    Size,
    TakenCandidate,
)
from nodulus.app.review.images import StudyImages
from nodulus.app.review.outlines import decode_outline, encode_outline, finding_mask
from nodulus.app.review.review_state import ReviewedFinding, ReviewState
from nodulus.transforms.blocks import Box
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.measurements import axial_diameters

_HALVINGS = 24


def measure_entry(
    images: StudyImages,
    models: Models,
    settings: ChainSettings,
    state: ReviewState,
    finding: str | None,
    data: EntryData,
    label: int,
) -> Measured:
    """Outline and measure what an entry speaks of.

    Args:
        images: of the study.
        models: the three networks; used where the chain outlines.
        settings: of the chain.
        state: of the review.
        finding: that the entry is about; None for a new one.
        data: of the entry.
        label: of the finding in the label volume.

    Raises:
        NodulusError: ``entry-refused``.
    """
    about = None if finding is None else state.finding(finding)
    if isinstance(data, Place):
        made = _at(images, models, settings, data.center_lps_mm, label)
    elif isinstance(data, TakenCandidate):
        record = next(d.record for d in state.dropped if d.number == data.candidate)
        made = _at(images, models, settings, record.center_lps_mm, label)
        if record.nodule_probability is not None:  # what the chain said of it then
            said = {
                "nodule_probability": record.nodule_probability,
                "classifier_probability": record.classifier_probability,
                "segmentation_probability": record.segmentation_probability,
            }
            made = made.model_copy(update={"finding": made.finding.model_copy(update=said)})
    elif about is not None and isinstance(data, Size):
        box, mask = _own_mask(images, state, about)
        box, mask = resized(images.volume.geometry, box, mask, data.diameter_mm)
        made = _measured(images, settings, about, box, mask, "resized")
    elif about is not None and isinstance(data, Outline):
        box, mask = decode_outline(data, images.volume.geometry.shape_irc)
        made = _measured(images, settings, about, box, mask, "reader")
    else:
        raise TypeError(f"{type(data).__name__} is not measured")
    if about is None:
        return made
    same = {"tracking_uid": about.original.tracking_uid}
    return made.model_copy(update={"finding": made.finding.model_copy(update=same)})


def resized(
    geometry: Geometry, box: Box, mask: NDArray[np.bool_], diameter_mm: float
) -> tuple[Box, NDArray[np.bool_]]:
    """Grow or shrink a mask evenly until its mean axial diameter is as wanted.

    The surface moves along its signed distance; at least one voxel stays.

    Args:
        geometry: of the scan.
        box: of the scan.
        mask: bool, shape of the box.
        diameter_mm: mean of the longest axial diameter and its perpendicular.

    Returns:
        A box of the scan and the mask in it.
    """
    spacing = np.asarray(geometry.spacing_irc_mm)
    margin = np.ceil(diameter_mm / spacing).astype(int) + 1
    low = np.maximum([s.start for s in box] - margin, 0)
    high = np.minimum([s.stop for s in box] + margin, geometry.shape_irc)
    i, r, c = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    wide = np.zeros([s.stop - s.start for s in (i, r, c)], bool)
    own = tuple(slice(s.start - int(a), s.stop - int(a)) for s, a in zip(box, low, strict=True))
    wide[own] = mask
    inside = ndimage.distance_transform_edt(wide, sampling=spacing)
    outside = ndimage.distance_transform_edt(~wide, sampling=spacing)
    depth = np.where(wide, inside, -outside)
    part = geometry.cropped(low, wide.shape)

    def mean_mm(level: float) -> float:
        return axial_diameters(depth >= level, part).mean_mm

    shallow, deep = -float(diameter_mm), float(depth.max())
    for _ in range(_HALVINGS):
        level = (shallow + deep) / 2
        if mean_mm(level) > diameter_mm:
            shallow = level
        else:
            deep = level
    level = min((shallow, deep), key=lambda one: abs(mean_mm(one) - diameter_mm))
    return (i, r, c), np.asarray(depth >= level)


def _at(
    images: StudyImages,
    models: Models,
    settings: ChainSettings,
    point_lps_mm: Sequence[float],
    label: int,
) -> Measured:
    try:
        found = finding_at(
            images.scan, images.lungs, images.lobes, models, settings, point_lps_mm, label
        )
    except ValueError as error:
        raise NodulusError(
            ErrorCode.ENTRY_REFUSED, f"It cannot be outlined: {error}.", remedy="Choose a point"
            " within the scan.",
        ) from error  # fmt: skip
    return Measured(
        finding=found.finding,
        outline=encode_outline(found.box, found.mask),
        outlined_by=found.outlined_by,
    )


def _own_mask(
    images: StudyImages, state: ReviewState, about: ReviewedFinding
) -> tuple[Box, NDArray[np.bool_]]:
    found = finding_mask(images.labels, state, about.id)
    if found is None:
        raise NodulusError(
            ErrorCode.ENTRY_REFUSED,
            f"Finding {about.id} has no outline that could be resized.",
            remedy="Draw its outline, or move it.",
        )
    return found


def _measured(
    images: StudyImages,
    settings: ChainSettings,
    about: ReviewedFinding,
    box: Box,
    mask: NDArray[np.bool_],
    outlined_by: OutlinedBy,
) -> Measured:
    """Measures anew; what the networks said of the place stays."""
    said = about.finding
    finding = measured_finding(
        about.label,
        Ratings(
            said.nodule_probability,
            said.classifier_probability or 0.0,
            said.segmentation_probability,
            said.malignancy_probability,
            said.characteristics,
        ),
        images.volume,
        box,
        mask,
        images.lungs,
        images.lobes,
        settings.operating_points,
        settings.pipeline,
    )
    kept = {"classifier_probability": said.classifier_probability}
    return Measured(
        finding=finding.model_copy(update=kept),
        outline=encode_outline(box, mask),
        outlined_by=outlined_by,
    )
