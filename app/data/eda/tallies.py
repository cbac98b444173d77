"""Counts and distributions of scans, nodules and candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

from nodulus.app.data.eda.scan_facts import ScanFacts
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.stratification import FEATURES, SIZE_EDGES_MM

SIZE_CLASSES = FEATURES[6:10]
"""Names of the classes between :data:`nodulus.bundles.common.stratification.SIZE_EDGES_MM`."""

MALIGNANCY_CLASSES = FEATURES[10:14]


@dataclass(frozen=True)
class Counts:
    """How much there is.

    Args:
        scans: how many.
        patients: how many.
        scans_without_nodule: how many.
        scans_with_mask: how many.
        nodules: how many.
        candidates: true and false ones of the data set's own list.
        segmentation_candidates: true and false ones that the segmentation proposed.
        excluded: findings that are neither nodule nor background.
    """

    scans: int
    patients: int
    scans_without_nodule: int
    scans_with_mask: int
    nodules: int
    candidates: tuple[int, int]
    segmentation_candidates: tuple[int, int]
    excluded: int


@dataclass(frozen=True)
class Summary:
    """A distribution of numbers: how many, its ends and its quartiles."""

    count: int
    lowest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    highest: float


@dataclass(frozen=True)
class MalignancyBySize:
    """How far diameter alone tells malignancy, rated above 3, from benignity, rated below 3.

    Args:
        malignant: how many nodules.
        benign: how many.
        auc: area under the ROC curve of the diameter; None without both classes.
        rank_correlation: Spearman's, of the diameter and the rating of all that are rated; None
            with fewer than three or where one does not vary.
    """

    malignant: int
    benign: int
    auc: float | None
    rank_correlation: float | None


@dataclass(frozen=True)
class VolumeShares:
    """Volumes over all scans, ml (1,000 voxels each at the networks' 1 mm)."""

    image: float
    lungs: float
    nodules: float
    ignored: float


def size_class(diameter_mm: float) -> str:
    """The name of a diameter's class."""
    return SIZE_CLASSES[int(np.digitize(diameter_mm, SIZE_EDGES_MM))]


def malignancy_class(rating: float | None) -> str:
    """The name of a median rating's class, by LIDC-IDRI's custom."""
    return MALIGNANCY_CLASSES[3 if rating is None else int(rating >= 3) + int(rating > 3)]


def count(studies: Sequence[Study]) -> Counts:
    """Count scans, patients, nodules and candidates."""
    listed, proposed = Counter[bool](), Counter[bool]()
    for study in studies:
        for candidate in study.candidates:
            counter = listed if candidate.probability is None else proposed
            counter[candidate.is_nodule] += 1
    return Counts(
        len(studies),
        len({study.patient_id for study in studies}),
        sum(not study.nodules for study in studies),
        sum(study.has_label for study in studies),
        sum(len(study.nodules) for study in studies),
        (listed[True], listed[False]),
        (proposed[True], proposed[False]),
        sum(len(study.excluded) for study in studies),
    )


def summarise(values: Sequence[float]) -> Summary | None:
    """Sum up a distribution; None where there is nothing."""
    if not values:
        return None
    ends = np.percentile(np.asarray(values, dtype=np.float64), (0, 25, 50, 75, 100))
    return Summary(len(values), *(float(v) for v in ends))


def count_sizes(nodules: Sequence[Nodule]) -> dict[str, dict[str, int]]:
    """How many nodules there are of each malignancy class in each size class."""
    pairs = Counter((size_class(n.diameter_mm), malignancy_class(n.malignancy)) for n in nodules)
    return {size: {m: pairs[size, m] for m in MALIGNANCY_CLASSES} for size in SIZE_CLASSES}


def malignancy_by_size(nodules: Sequence[Nodule]) -> MalignancyBySize:
    """Relate malignancy to diameter."""
    rated = [(n.diameter_mm, n.malignancy) for n in nodules if n.malignancy is not None]
    sure = [(diameter, rating > 3) for diameter, rating in rated if rating != 3]
    malignant = sum(truth for _, truth in sure)
    auc = None
    if 0 < malignant < len(sure):
        diameters, truths = zip(*sure, strict=True)
        auc = float(roc_auc_score(truths, diameters))
    correlation = None
    if len(rated) > 2 and all(len(set(values)) > 1 for values in zip(*rated, strict=True)):
        correlation = float(stats.spearmanr(*zip(*rated, strict=True)).statistic)
    return MalignancyBySize(malignant, len(sure) - malignant, auc, correlation)


def volume_shares(facts: Sequence[ScanFacts]) -> VolumeShares:
    """Sum the volumes up."""
    names = ("image", "lungs", "nodules", "ignored")
    return VolumeShares(*(float(sum(getattr(f.volumes, n) for f in facts)) for n in names))


def spacing(study: Study, facts: ScanFacts | None) -> tuple[float, float] | None:
    """Slice and pixel spacing of the scan itself, mm.

    As ``studies.csv`` says, else as the image has it; None of a prepared scan, which has been
    resampled, where the table does not say.
    """
    names = ("slice_spacing_mm", "pixel_spacing_mm")
    try:
        between_slices, between_pixels = (float(study.facts[name]) for name in names)
        return between_slices, between_pixels
    except (KeyError, ValueError):
        if facts is None or study.prepared is not None:
            return None
        return facts.spacing_mm[0], facts.spacing_mm[2]


def count_fact(studies: Sequence[Study], name: str) -> Mapping[str, int]:
    """How often each value of a column of ``studies.csv`` occurs, the most frequent first."""
    counts = Counter(study.facts[name] for study in studies if study.facts.get(name))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
