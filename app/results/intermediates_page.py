"""intermediates/index.html: the chain step by step, in its order, for a person to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.page_template import page_template
from nodulus.app.result import CandidateRecord, Finding, StudyResult
from nodulus.app.results.candidate_pictures import crop_pictures, probability_close_up
from nodulus.app.results.colors import Rgb, finding_rgb
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.pictures import Picture
from nodulus.app.results.report import EmbeddedPicture, embed
from nodulus.app.volume import CtVolume

TEMPLATE = "intermediates.html.jinja"
MOST_DROPPED = 40
"""So many dropped candidates are shown; candidates.json has them all."""
_DROPPED_RGB: Rgb = (225, 225, 225)


@dataclass(frozen=True)
class CandidateView:
    """A candidate with what the page shows of it."""

    number: int
    record: CandidateRecord
    finding: Finding | None
    pictures: tuple[EmbeddedPicture, ...]
    one_crop: bool


def build_intermediates_page(
    volume: CtVolume,
    intermediates: Intermediates,
    result: StudyResult,
    rows: Sequence[tuple[str, Sequence[Picture]]],
) -> str:
    """Render the page; it needs no other file and no network.

    Args:
        volume: the CT.
        intermediates: what the chain saw on its way.
        result: the study's result, for thresholds and findings.
        rows: the pictures of the lungs and those of the probability map.

    Returns:
        The HTML text. No patient attribute is in it.
    """
    (_, lungs), (_, probability) = rows
    order = sorted(
        range(len(intermediates.candidates)),
        key=lambda n: _rank(intermediates.candidates[n]),
    )
    kept = [n for n in order if intermediates.candidates[n].kept]
    dropped = [n for n in order if not intermediates.candidates[n].kept]
    return page_template("nodulus.app.results", TEMPLATE).render(
        result=result,
        points={point.name: point for point in result.operating_points},
        lungs=[embed(picture) for picture in lungs],
        probability=[embed(picture) for picture in probability],
        candidates=[
            _view(volume, intermediates, result, number) for number in kept + dropped[:MOST_DROPPED]
        ],
        kept_count=len(kept),
        dropped_count=len(dropped),
        hidden_count=max(0, len(dropped) - MOST_DROPPED),
    )


def _rank(candidate: CandidateRecord) -> tuple[float, float]:
    """Findings by rank first, then by falling probability; the unjudged come last."""
    if candidate.finding_id is not None:
        return (0.0, float(candidate.finding_id))
    judged = candidate.nodule_probability
    if judged is None:
        return (2.0, -candidate.segmentation_probability)
    return (1.0, -judged)


def _view(
    volume: CtVolume, intermediates: Intermediates, result: StudyResult, number: int
) -> CandidateView:
    record = intermediates.candidates[number]
    finding = next((f for f in result.findings if f.id == record.finding_id), None)
    threshold = result.voxel_threshold() or 0.0
    pictures = [
        probability_close_up(
            volume,
            np.asarray(intermediates.probability, np.float32),
            intermediates.probability_geometry,
            record,
            threshold,
            _DROPPED_RGB if finding is None else finding_rgb(finding.id),
        )
    ]
    one_crop = False
    if number < len(intermediates.crops):
        crops = intermediates.crops[number]
        pictures += crop_pictures(crops.nodule, "nodule")
        if crops.malignancy is not None:
            one_crop = crops.malignancy.same_as(crops.nodule)
            if not one_crop:
                pictures += crop_pictures(crops.malignancy, "malignancy")
    return CandidateView(
        number + 1, record, finding, tuple(embed(picture) for picture in pictures), one_crop
    )
