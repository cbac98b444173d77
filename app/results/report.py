"""report.html: one file, no network, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np

from app.results.colors import finding_rgb
from app.results.model import Finding, OperatingPoint, StudyResult
from app.results.pictures import Picture, data_uri, find_boxes, finding_pictures
from app.results.source_masks import Labels
from app.results.sources import SourceHeaders
from app.volume import CtVolume

TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture as the template takes it; sizes are CSS pixels of its own shape."""

    base: str
    marks: str
    outline: str | None
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class FindingView:
    """A finding with what is derived for the page."""

    finding: Finding
    color: str
    slice_number: int
    slice_count: int
    image_number: int | None
    pictures: tuple[EmbeddedPicture, ...]


def embed(picture: Picture) -> EmbeddedPicture:
    """Turn a picture's layers into data URIs."""
    width, height = picture.base.size
    return EmbeddedPicture(
        data_uri(picture.base),
        data_uri(picture.marks),
        None if picture.outline is None else data_uri(picture.outline),
        picture.alt,
        picture.caption,
        width,
        height,
    )


def build_report(
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    sources: SourceHeaders | None = None,
    *,
    intermediate_pictures: Sequence[tuple[str, Sequence[Picture]]] = (),
) -> str:
    """Render the report.

    Args:
        volume: the CT.
        labels: shape (I, R, C), finding ids.
        result: the study's result.
        sources: the headers of the source, for its image numbers; None for research formats.
        intermediate_pictures: titled rows of pictures for the end of the report.

    Returns:
        The HTML text. No patient attribute is in it.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("app.results", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(TEMPLATE).render(
        result=result,
        views=_finding_views(volume, labels, result, sources),
        malignancy_point=_malignancy_point(result.operating_points),
        suspicious_count=sum(finding.suspicious for finding in result.findings),
        series_number=volume.facts.series_number,
        scanner=volume.facts.model_name,
        intermediate_rows=[
            (title, [embed(picture) for picture in pictures])
            for title, pictures in intermediate_pictures
        ],
    )


def _finding_views(
    volume: CtVolume, labels: Labels, result: StudyResult, sources: SourceHeaders | None
) -> list[FindingView]:
    boxes = find_boxes(labels) if result.findings else []
    views = []
    for finding in result.findings:
        box = boxes[finding.id - 1] if finding.id <= len(boxes) else None
        pictures = finding_pictures(volume, labels, box, finding)
        slice_index = round(float(volume.geometry.lps_to_index(finding.center_lps_mm)[0]))
        views.append(
            FindingView(
                finding,
                "#{:02x}{:02x}{:02x}".format(*finding_rgb(finding.id)),
                slice_index + 1,
                volume.hu.shape[0],
                _image_number(volume, finding, sources),
                tuple(embed(picture) for picture in pictures),
            )
        )
    return views


def _image_number(volume: CtVolume, finding: Finding, sources: SourceHeaders | None) -> int | None:
    """The number of the source image that lies nearest to a finding's centre."""
    if sources is None:
        return None
    normal = np.cross(volume.geometry.direction_irc[:, 1], volume.geometry.direction_irc[:, 2])
    positions: Any = np.array([image.position_lps_mm for image in volume.source_images])
    distance = np.abs((positions - np.asarray(finding.center_lps_mm)) @ normal)
    return sources.image_number(int(np.argmin(distance)))


def _malignancy_point(points: Sequence[OperatingPoint]) -> OperatingPoint | None:
    """The operating point by which a finding is marked as suspicious."""
    return next((point for point in points if "malignan" in point.name.lower()), None)
