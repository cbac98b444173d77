"""The findings' outlines as a Grayscale Softcopy Presentation State (PS3.3 A.33.1).

For archives and viewers that show neither segmentations nor structured reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.contours import mask_contours
from nodulus.app.results.dicom_seg import segment_label
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.pictures import WINDOW_CENTER_HU, WINDOW_WIDTH_HU
from nodulus.app.results.sources import SourceHeaders

_TEXT_HEIGHT, _TEXT_WIDTH, _GAP = 16.0, 90.0, 4.0
"""Of the box of a name, in pixels of the image."""


def build_presentation_state(
    planes: Labels, sources: SourceHeaders, result: StudyResult, uids: derived.ObjectUids
) -> Dataset:
    """Make the presentation state: lung window, and on each image the outlines with their names.

    A finding that lies on interpolated slices alone has no outline.

    Args:
        planes: shape (planes, R, C), finding ids on the source's images or frames.
        sources: the headers of the source.
        result: the study's result, with at least one finding.
        uids: of the object.

    Returns:
        The data set, ready to be saved.

    Raises:
        NodulusError: ``images-not-found`` where no image shows a finding; ``inconsistent-series``
            where the images have different rescale values.
    """
    layers = {
        finding.id: hd.pr.GraphicLayer(
            layer_name=f"NODULE {finding.id}",
            order=finding.id,
            description=segment_label(finding),
            display_color=hd.color.CIELabColor.from_rgb(*finding_rgb(finding.id)),
        )
        for finding in result.findings
        if np.any(planes == finding.id)
    }
    if not layers:
        raise NodulusError(
            ErrorCode.IMAGES_NOT_FOUND,
            "All nodules lie on interpolated slices alone, so that no image shows an outline.",
            remedy="Take the segmentation as NIfTI, or analyse the complete series.",
            subject=result.series_uid,
        )
    annotations = [
        _annotation(planes[plane] == finding.id, finding, int(plane), sources, layers[finding.id])
        for finding in result.findings
        for plane in np.flatnonzero(np.any(planes == finding.id, axis=(1, 2)))
    ]
    shown = np.flatnonzero(np.any(planes > 0, axis=(1, 2)))
    state: Dataset = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=sources.datasets
        if sources.is_multiframe
        else [sources.datasets[plane] for plane in shown],
        instance_number=1,
        content_label="NODULES",
        content_description="Outlines of nodules, research",
        concept_name=None,
        graphic_layers=list(layers.values()),
        graphic_annotations=annotations,
        modality_lut_transformation=_to_hu(sources),
        voi_lut_transformations=[
            hd.pr.SoftcopyVOILUTTransformation(
                window_center=WINDOW_CENTER_HU, window_width=WINDOW_WIDTH_HU
            )
        ],
        **derived.common(derived.PRESENTATION_STATE, result, uids),
    )
    state.BodyPartExamined = "CHEST"
    return state


def _annotation(mask: Any, finding: Finding, plane: int, sources: SourceHeaders, layer: Any) -> Any:
    """The outlines of a finding on one image, and its name beside them."""
    contours = [_pixels(line) for line in mask_contours(mask)]
    image = sources.datasets[0 if sources.is_multiframe else plane]
    name = segment_label(finding)
    return hd.pr.GraphicAnnotation(
        referenced_images=[image],
        referenced_frame_number=plane + 1 if sources.is_multiframe else None,
        graphic_layer=layer,
        graphic_objects=[
            hd.pr.GraphicObject(
                graphic_type=hd.pr.GraphicTypeValues.POLYLINE,
                graphic_data=np.vstack([points, points[:1]]),
                units=hd.pr.AnnotationUnitsValues.PIXEL,
                tracking_id=name,
                tracking_uid=finding.tracking_uid,
            )
            for points in contours
        ],
        text_objects=[
            hd.pr.TextObject(
                text_value=name,
                units=hd.pr.AnnotationUnitsValues.PIXEL,
                bounding_box=_beside(contours, (image.Columns, image.Rows)),
                text_justification=hd.pr.TextJustificationValues.LEFT,
            )
        ],
    )


def _to_hu(sources: SourceHeaders) -> Any:
    """The rescaling of all images to Hounsfield units."""
    values = {(image.RescaleIntercept, image.RescaleSlope) for image in sources.datasets}
    if len(values) > 1:
        raise NodulusError(
            ErrorCode.INCONSISTENT_SERIES,
            f"The images have {len(values)} different rescales to Hounsfield units, and a"
            " presentation state has one.",
            remedy="Take the segmentation (DICOM SEG).",
            subject=str(sources.datasets[0].SeriesInstanceUID),
        )
    ((intercept, slope),) = values
    return hd.ModalityLUTTransformation(
        rescale_intercept=intercept,
        rescale_slope=slope,
        rescale_type=hd.RescaleTypeValues.HU,
    )


def _pixels(line: Any) -> Any:
    """Column and row with 0 at the corner of the first pixel (PS3.3 C.10.5.1.2)."""
    return line[:, ::-1] + 0.5


def _beside(contours: Sequence[Any], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box right of outlines, or left of them where the image ends: corners, column and row."""
    points = np.vstack(contours)
    (left, top), (right, _) = points.min(axis=0), points.max(axis=0)
    width, height = (float(length) for length in size)
    start = right + _GAP
    if start + _TEXT_WIDTH > width:
        start = max(0.0, left - _GAP - _TEXT_WIDTH)
    first = min(float(top), max(0.0, height - _TEXT_HEIGHT))
    return (
        float(start),
        first,
        float(min(start + _TEXT_WIDTH, width)),
        min(first + _TEXT_HEIGHT, height),
    )
