"""report.html: one file, no network, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nodulus.app.explanation import Sensitivity
from nodulus.app.guidance import Guidance, RiskRecord
from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.page_template import page_template
from nodulus.app.result import Explanation, Finding, OperatingPoint, StudyResult
from nodulus.app.results.answer import MOST_CATEGORIES, answers
from nodulus.app.results.colors import Rgb, finding_rgb
from nodulus.app.results.image_numbers import nearest_image_number
from nodulus.app.results.label_boxes import Labels, boxes_by_label
from nodulus.app.results.pictures import (
    Picture,
    close_up_frames,
    close_up_outlines,
    data_uri,
)
from nodulus.app.results.sensitivity_pictures import (
    FALL_RGB,
    RISE_RGB,
    color_scale,
    sensitivity_pictures,
)
from nodulus.app.results.sources import SourceHeaders
from nodulus.app.results.summary_lines import (
    category_words,
    counted,
    possible_words,
    summary_lines,
)
from nodulus.app.results.texts import Language, Texts
from nodulus.app.results.wording import (
    characteristic_words,
    place_words,
    seen_by_words,
    texture_words,
)
from nodulus.app.volume import CtVolume

TEMPLATE = "report.html.jinja"
OPEN_CARDS = 6
"""So many findings show their pictures at once, and every one up to the last suspicious one."""
_THREADS = 2


@dataclass(frozen=True)
class EmbeddedLayer:
    """The part of a layer in which something is drawn, as a data URI, and where it lies."""

    uri: str
    style: str


KnownMarks = dict[int, tuple[Image.Image, EmbeddedLayer | None]]
"""By the identity of the image, which is kept so that the identity stays its own."""


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture as the template takes it; sizes are CSS pixels of its own shape."""

    base: str
    marks: EmbeddedLayer | None
    outline: EmbeddedLayer | None
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class ExplanationView:
    """What a classifier's answer rests on, with what is derived for the page."""

    summary: Explanation
    scale: float
    largest_rise: float
    at_nodule: bool
    pictures: tuple[EmbeddedPicture, ...]


@dataclass(frozen=True)
class FindingView:
    """A finding with what is derived for the page."""

    finding: Finding
    color: str
    slice_number: int
    slice_count: int
    image_number: int | None
    pictures: tuple[EmbeddedPicture, ...]
    explanations: tuple[ExplanationView, ...]


def embed(picture: Picture, known: KnownMarks | None = None) -> EmbeddedPicture:
    """Turn a picture's layers into data URIs.

    Args:
        picture: its layers.
        known: marks that were encoded before; further ones are added.
    """
    width, height = picture.base.size
    known = {} if known is None else known
    if id(picture.marks) not in known:
        known[id(picture.marks)] = (picture.marks, _layer(picture.marks))
    return EmbeddedPicture(
        data_uri(picture.base),
        known[id(picture.marks)][1],
        None if picture.outline is None else _layer(picture.outline),
        picture.alt,
        picture.caption,
        width,
        height,
    )


def _layer(image: Image.Image) -> EmbeddedLayer | None:
    """Cut a layer down to what is drawn on it: the rest takes longer to encode than the drawing."""
    box = image.getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    across, down = (100 / n for n in image.size)
    style = (
        f"left: {left * across:.3f}%; top: {top * down:.3f}%; "
        f"width: {(right - left) * across:.3f}%; height: {(bottom - top) * down:.3f}%"
    )
    return EmbeddedLayer(data_uri(image.crop(box)), style)


def build_report(
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    pictures: Sequence[Sequence[Picture]],
    sources: SourceHeaders | None = None,
    *,
    intermediate_pictures: Sequence[tuple[str, Sequence[Picture]]] = (),
    sensitivities: Sequence[Sensitivity] = (),
    language: Language = "en",
) -> str:
    """Render the report.

    Args:
        volume: the CT.
        labels: shape (I, R, C), finding ids.
        result: the study's result.
        pictures: of each finding, in the order of ``result.findings`` (`finding_pictures`).
        sources: the headers of the source, for its image numbers; None for research formats.
        intermediate_pictures: titled rows of pictures for the end of the report.
        sensitivities: what the classifiers' answers rest on, for findings that have
            ``explanations``.
        language: of the report's own texts.

    Returns:
        The HTML text. No patient attribute is in it.
    """
    suspicious = [finding.suspicious for finding in result.findings]
    texts = Texts(language)
    views = _finding_views(volume, labels, result, pictures, sources, sensitivities)
    images = [view.image_number for view in views]
    said = answers(result.guidance)
    return page_template("nodulus.app.results", TEMPLATE).render(
        result=result,
        open_count=_open_count(suspicious),
        views=views,
        t=texts,
        counted=counted(result, texts),
        summary="\n".join(summary_lines(result, images, texts)),
        guidance=result.guidance,
        screening=[one for one in said if one.screening],
        by_chance=[one for one in said if not one.screening],
        risks=_risks(result.guidance),
        category_words=category_words,
        possible_words=possible_words,
        most_categories=MOST_CATEGORIES,
        mean_diameter_mm=mean_diameter_mm,
        place_words=place_words,
        texture_words=texture_words,
        characteristic_words=characteristic_words,
        seen_by_words=seen_by_words,
        fall_color=_css(FALL_RGB),
        rise_color=_css(RISE_RGB),
        malignancy_point=_malignancy_point(result.operating_points),
        series_number=volume.facts.series_number,
        scanner=volume.facts.model_name,
        intermediate_rows=[
            (title, [embed(picture) for picture in pictures])
            for title, pictures in intermediate_pictures
        ],
    )


def _risks(guidance: Guidance | None) -> list[tuple[int, RiskRecord]]:
    """The risk models' answers by finding."""
    if guidance is None:
        return []
    return [(finding.finding_id, risk) for finding in guidance.findings for risk in finding.risk]


def _open_count(suspicious: Sequence[bool]) -> int:
    """How many findings show their pictures at once; a long tail of others is folded."""
    last = max((n for n, marked in enumerate(suspicious, start=1) if marked), default=0)
    shown = max(last, OPEN_CARDS)
    return len(suspicious) if len(suspicious) <= shown + 1 else shown


def _finding_views(
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    pictures: Sequence[Sequence[Picture]],
    sources: SourceHeaders | None,
    sensitivities: Sequence[Sensitivity],
) -> list[FindingView]:
    boxes = boxes_by_label(labels) if result.findings else {}
    known: KnownMarks = {}

    def view(finding: Finding, own: Sequence[Picture]) -> FindingView:
        box = boxes.get(finding.id)
        slice_index = round(float(volume.geometry.lps_to_index(finding.center_lps_mm)[0]))
        return FindingView(
            finding,
            _css(finding_rgb(finding.id)),
            slice_index + 1,
            volume.hu.shape[0],
            nearest_image_number(volume, finding, sources),
            tuple(embed(picture, known) for picture in own),
            _explanation_views(volume, labels, box, finding, sensitivities),
        )

    # Compressing (Pillow) leaves the interpreter to other threads.
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(view, result.findings, pictures))


def _explanation_views(
    volume: CtVolume,
    labels: Labels,
    box: tuple[slice, ...] | None,
    finding: Finding,
    sensitivities: Sequence[Sensitivity],
) -> tuple[ExplanationView, ...]:
    views = []
    for summary in finding.explanations:
        for one in sensitivities:
            if (one.finding_id, one.classifier) != (finding.id, summary.classifier):
                continue
            outlines = close_up_outlines(volume, labels, box, finding)
            pictures = sensitivity_pictures(
                volume, one, summary, close_up_frames(finding), outlines
            )
            at = np.rint(volume.geometry.lps_to_index(summary.largest_fall_lps_mm)).astype(int)
            at = np.clip(at, 0, np.asarray(labels.shape) - 1)
            views.append(
                ExplanationView(
                    summary,
                    color_scale(one),
                    max(0.0, -float(one.fall.min())),
                    bool(labels[tuple(at)] == finding.id),
                    tuple(embed(picture) for picture in pictures),
                )
            )
    return tuple(views)


def _css(rgb: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _malignancy_point(points: Sequence[OperatingPoint]) -> OperatingPoint | None:
    """The operating point by which a finding is marked as suspicious."""
    return next((point for point in points if point.name == "malignancy"), None)
