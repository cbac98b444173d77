"""What looks wrong in the training data, each with where to look.

Every limit is wider than what real nodules and scans reach: a case here is for a person to look
at, not proof of an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

import numpy as np

from nodulus.app.data.eda.scan_facts import NodulePlace, ScanFacts
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import LabelledCandidate, Nodule, Point
from nodulus.bundles.common.hit_rule import nearest_hits
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

DIAMETER_MM = (2.0, 100.0)
"""LIDC-IDRI outlined nodules of 3 mm and more; the largest lung masses are about 100 mm."""

LABEL_DIAMETER_RATIO = 2.0
"""A label's own diameter may be so many times the annotated one, or so small a part of it."""

NODULE_HU = (-930.0, 2000.0)
"""Darker than lung is no nodule; brighter than cortical bone is metal."""

LUNGS_HU = (-980.0, -300.0)
TISSUE_HU = (-200.0, 300.0)
NO_AIR_ABOVE_HU = -300.0


class SuspicionKind(str, Enum):
    """What looks wrong; the names that ``problems.csv`` has too mean the same there."""

    OUTSIDE_VOLUME = "outside-volume"
    OUTSIDE_LUNGS = "outside-lungs"
    SIZE_IMPOSSIBLE = "size-impossible"
    SIZE_DIFFERS = "size-differs"
    SAME_PLACE = "same-place"
    LABEL_MISSING = "label-missing"
    LABEL_UNLISTED = "label-unlisted"
    HU_IMPOSSIBLE = "hu-impossible"
    CLASS_DIFFERS = "class-differs"
    NO_LUNGS = "no-lungs"
    IMAGE_BROKEN = "image-broken"


@dataclass(frozen=True)
class Suspicion:
    """One suspicious case.

    Args:
        kind: what kind of thing.
        series_uid: the scan.
        message: what is wrong, with its numbers.
        center_lps_mm: where to look; None where it is about the whole scan.
        diameter_mm: of the nodule that it is about.
        label: the value in the mask that it is about.
    """

    kind: SuspicionKind
    series_uid: str
    message: str
    center_lps_mm: Point | None = None
    diameter_mm: float | None = None
    label: int | None = None


def find_suspicions(study: Study, facts: ScanFacts) -> tuple[Suspicion, ...]:
    """Everything in one study that looks wrong.

    Args:
        study: with its nodules and candidates.
        facts: of its image.
    """
    return (
        *_of_scan(study, facts),
        *(
            case
            for nodule, place in zip(study.nodules, facts.nodules, strict=True)
            for case in _of_nodule(study.series_uid, nodule, place)
        ),
        *_same_place(study),
        *(
            Suspicion(
                SuspicionKind.LABEL_UNLISTED,
                study.series_uid,
                f"label {stray.value} of the mask, {stray.volume_mm3:,.0f} mm³, has no annotation",
                stray.center_lps_mm,
                label=stray.value,
            )
            for stray in facts.strays
        ),
        *_candidates(study),
    )


def broken(study: Study, error: Exception) -> Suspicion:
    """The case of an image that could not be read."""
    return Suspicion(SuspicionKind.IMAGE_BROKEN, study.series_uid, str(error))


def _of_scan(study: Study, facts: ScanFacts) -> Iterator[Suspicion]:
    if facts.projections is None:
        yield Suspicion(SuspicionKind.NO_LUNGS, study.series_uid, "no lungs are found in the image")
    hu = facts.hu
    wrong = []
    if hu.lowest > NO_AIR_ABOVE_HU:
        wrong.append(f"the darkest voxel has {hu.lowest:.0f}: there is no air")
    for name, value, (low, high) in (
        ("lungs", hu.lungs_median, LUNGS_HU),
        ("soft tissue", hu.tissue_median, TISSUE_HU),
    ):
        if value is not None and not low <= value <= high:
            wrong.append(f"the median of {name} is {value:.0f} HU, not {low:.0f} to {high:.0f}")
    if wrong:
        yield Suspicion(SuspicionKind.HU_IMPOSSIBLE, study.series_uid, "; ".join(wrong))


def _of_nodule(series_uid: str, nodule: Nodule, place: NodulePlace) -> Iterator[Suspicion]:
    def case(kind: SuspicionKind, message: str) -> Suspicion:
        center, diameter = nodule.center_lps_mm, nodule.diameter_mm
        return Suspicion(kind, series_uid, message, center, diameter, nodule.label)

    size = f"the nodule of {nodule.diameter_mm:.1f} mm"
    low, high = DIAMETER_MM
    possible = low <= nodule.diameter_mm <= high
    if not possible:
        message = f"a nodule's diameter is {nodule.diameter_mm:.1f} mm, not {low:.0f} to {high:.0f}"
        yield case(SuspicionKind.SIZE_IMPOSSIBLE, message)
    if not place.inside_volume:
        yield case(SuspicionKind.OUTSIDE_VOLUME, f"the centre of {size} lies outside the image")
        return
    if place.in_lungs is False:
        yield case(SuspicionKind.OUTSIDE_LUNGS, f"the centre of {size} lies outside the lungs")
    if place.core_hu is not None and not NODULE_HU[0] <= place.core_hu <= NODULE_HU[1]:
        message = f"the middle of {size} has {place.core_hu:.0f} HU"
        yield case(SuspicionKind.HU_IMPOSSIBLE, message)
    volume = place.label_volume_mm3
    if volume == 0:
        yield case(SuspicionKind.LABEL_MISSING, f"{size} is not in the mask")
    elif volume is not None and possible:
        own = equivalent_diameter_mm(volume)
        ratio = own / nodule.diameter_mm
        if not 1 / LABEL_DIAMETER_RATIO <= ratio <= LABEL_DIAMETER_RATIO:
            message = f"the label of {size} has the volume of a ball of {own:.1f} mm"
            yield case(SuspicionKind.SIZE_DIFFERS, message)


def _same_place(study: Study) -> Iterator[Suspicion]:
    """Pairs of nodules of which one's centre lies in the other."""
    for a, b in combinations(study.nodules, 2):
        apart = float(np.linalg.norm(np.subtract(a.center_lps_mm, b.center_lps_mm)))
        if apart < max(a.diameter_mm, b.diameter_mm) / 2:
            sizes = f"{a.diameter_mm:.1f} and {b.diameter_mm:.1f} mm"
            yield Suspicion(
                SuspicionKind.SAME_PLACE,
                study.series_uid,
                f"two nodules of {sizes} are {apart:.1f} mm apart",
                a.center_lps_mm,
                max(a.diameter_mm, b.diameter_mm),
                a.label,
            )


def _candidates(study: Study) -> Iterator[Suspicion]:
    """Candidates whose class contradicts the nodules by LUNA16's rule."""
    hits = nearest_hits(
        [candidate.center_lps_mm for candidate in study.candidates],
        np.asarray([n.center_lps_mm for n in study.nodules]).reshape(-1, 3),
        [nodule.diameter_mm for nodule in study.nodules],
    )
    for truth, message in (
        (True, "a candidate of class 1 hits no nodule"),
        (False, "a candidate of class 0 hits a nodule"),
    ):
        wrong: list[LabelledCandidate] = [
            candidate
            for candidate, hit in zip(study.candidates, hits, strict=True)
            if candidate.is_nodule is truth and bool(hit >= 0) is not truth
        ]
        if wrong:
            others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            center = wrong[0].center_lps_mm
            yield Suspicion(SuspicionKind.CLASS_DIFFERS, study.series_uid, message + others, center)
