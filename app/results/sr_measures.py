"""Measures of a finding and of the lungs as content items of the structured report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import highdicom as hd

from nodulus.app.result import CandidateSourceInfo, Finding, StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.wording import seen_by_words

_ANSWERS = {True: codes.YES, False: codes.NO, None: codes.UNDETERMINED}


def number(name: Any, value: float, unit: Any, **more: Any) -> Any:
    """Give a measurement, to three decimals.

    Args:
        name: its concept.
        value: in the unit.
        unit: UCUM.
        more: of `highdicom.sr.Measurement`.
    """
    return hd.sr.Measurement(name=name, value=round(value, 3), unit=unit, **more)


def algorithm(
    result: derived.MadeByNodulus,
    sources: Sequence[CandidateSourceInfo] = (),
    finding: Finding | None = None,
) -> Any:
    """Give what found the nodules: the networks and thresholds (TID 4019).

    Args:
        result: of the study.
        sources: of candidates, where others than the segmentation took part.
        finding: of which is told who has marked it.
    """
    models = [
        f"model {model.name} {model.version} sha256:{model.sha256}" for model in result.models
    ]
    points = [f"threshold {point.name} {point.threshold:g}" for point in result.operating_points]
    return hd.sr.AlgorithmIdentification(
        name="Nodulus",
        version=result.nodulus_version,
        manufacturer="Nodulus",
        parameters=[*models, *points, *_origin(sources, finding)] or None,
        family=codes.AI_FAMILY,
    )


def _origin(sources: Sequence[CandidateSourceInfo], finding: Finding | None) -> list[str]:
    """Where candidates came from, and who has marked a finding."""
    texts = []
    for source in sources:
        made_by = f" by {source.algorithm}" if source.algorithm else ""
        checksum = f" sha256:{source.sha256}" if source.sha256 else ""
        texts.append(
            f"candidates {source.name} ({source.form}{made_by}) weight {source.weight:g}{checksum}"
        )
    if finding is not None and finding.seen_by:
        texts.append(f"marked by {seen_by_words(finding.seen_by)}")
        texts.append(f"outline from {finding.outlined_by}")
    return texts


def solid_component(finding: Finding) -> list[Any]:
    """Give the size of a part-solid nodule's solid part.

    Under names of its own, so that no reader takes it for the size of the nodule; the site says
    in a public code what was measured.
    """
    if finding.texture != "part-solid":
        return []
    site = [hd.sr.FindingSite(codes.SOLID_COMPONENT)]
    sizes = (
        (codes.SOLID_VOLUME, finding.solid_volume_mm3, codes.CUBIC_MILLIMETER),
        (codes.SOLID_LONG_AXIS, finding.solid_longest_diameter_mm, codes.MILLIMETER),
        (codes.SOLID_MEAN_DIAMETER, finding.solid_mean_diameter_mm, codes.MILLIMETER),
    )
    return [
        number(name, value, unit, finding_sites=site)
        for name, value, unit in sizes
        if value is not None
    ]


def contents(finding: Finding) -> list[Any]:
    """Give what was assessed of fat, air and the distance to the pleura."""
    values = (
        (codes.FAT_SHARE, finding.fat_share, 100.0, codes.PERCENT),
        (codes.CAVITY_VOLUME, finding.cavity_volume_mm3, 1.0, codes.CUBIC_MILLIMETER),
        (codes.PLEURA_DISTANCE, finding.pleura_distance_mm, 1.0, codes.MILLIMETER),
    )
    return [
        number(name, factor * value, unit)
        for name, value, factor, unit in values
        if value is not None
    ]


def form_evaluations(finding: Finding) -> list[Any]:
    """Give where calcium lies, whether it touches the pleura, and the predicted ratings.

    What is not assessed is undetermined.
    """
    pattern = finding.calcification
    calcium = codes.UNDETERMINED if pattern is None else codes.CALCIFICATIONS[pattern]
    return [
        hd.sr.QualitativeEvaluation(codes.CALCIFICATION, calcium),
        hd.sr.QualitativeEvaluation(codes.JUXTAPLEURAL, _ANSWERS[finding.juxtapleural]),
        *(
            hd.sr.QualitativeEvaluation(codes.CHARACTERISTICS[one.name], _ANSWERS[one.present])
            for one in finding.characteristics
        ),
    ]


def lung_group(result: StudyResult, uid: UUID) -> list[Any]:
    """Give the group of the lungs' volumes and their share below -950 HU; none without lungs.

    Args:
        result: of the study.
        uid: what the UIDs of the study's derived objects are made of.
    """
    volume = result.volume
    sides = ((volume.right_lung_ml, codes.RIGHT), (volume.left_lung_ml, codes.LEFT))
    measured = [
        number(
            codes.VOLUME,
            value,
            codes.CUBIC_CENTIMETER,
            finding_sites=[hd.sr.FindingSite(codes.LUNG, laterality=side)],
        )
        for value, side in sides
        if value is not None
    ]
    if not measured:
        return []
    not_assessed = None
    if volume.emphysema_share is not None:
        share = 100 * volume.emphysema_share
        measured.append(number(codes.LOW_ATTENUATION_SHARE, share, codes.PERCENT))
    else:
        not_assessed = [
            hd.sr.QualitativeEvaluation(codes.LOW_ATTENUATION_SHARE, codes.UNDETERMINED)
        ]
    return [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=hd.sr.TrackingIdentifier(
                uid=derived.derived_uid(uid, "lungs"), identifier="Lungs"
            ),
            finding_category=codes.ANATOMICAL_STRUCTURE,
            finding_type=codes.LUNG,
            algorithm_id=algorithm(result, result.candidate_sources),
            measurements=measured,
            qualitative_evaluations=not_assessed,
        )
    ]
