"""What one training item is: a study, or a place in it."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from nodulus.bundles.common.data.draws import SeededSampler
from nodulus.bundles.common.data.prepared import PreparedStudies
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Point
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.patch_sampling import lps_to_voxel

Entry = dict[str, Any]


class Source(str, Enum):
    """Where a place comes from."""

    NODULE = "nodule"
    CANDIDATE = "candidate"
    SEGMENTATION = "segmentation"
    INSERTED = "inserted"


class Entries(Dataset[dict[str, Any]]):
    """Places in prepared studies: each item is the study's dictionary and the entry's own keys.

    Args:
        prepared: the studies.
        entries: each with the key ``study``, the index of its study.
    """

    def __init__(self, prepared: PreparedStudies, entries: Sequence[Entry]) -> None:
        self.prepared = prepared
        self.entries = list(entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        entry = self.entries[index]
        return {**self.prepared[entry["study"]], **entry}


def place_entry(index: int, study: Study, point: Point, target: bool, source: Source) -> Entry:
    """One place in the study of an index, LPS mm, and the truth about it."""
    return {
        "study": index,
        "series_uid": study.series_uid,
        "point_lps_mm": np.asarray(point, dtype=np.float64),
        "target": np.asarray([target], dtype=np.float32),
        "source": source.value,
    }


GROUND_GLASS = 2.0
"""LIDC-IDRI's texture goes from 1, ground glass, to 5, solid."""


def nodule_entries(studies: Sequence[Study]) -> list[Entry]:
    """One entry for each annotated nodule, with its ``texture`` where readers rated it."""
    return [
        place_entry(i, study, nodule.center_lps_mm, True, Source.NODULE)
        | ({"texture": nodule.ratings["texture"]} if "texture" in nodule.ratings else {})
        for i, study in enumerate(studies)
        for nodule in study.nodules
    ]


def candidate_entries(studies: Sequence[Study]) -> list[Entry]:
    """One entry for each annotated nodule and each candidate, true or false."""
    entries = nodule_entries(studies)
    for i, study in enumerate(studies):
        for candidate in study.candidates:
            source = Source.CANDIDATE if candidate.probability is None else Source.SEGMENTATION
            point, truth = candidate.center_lps_mm, candidate.is_nodule
            entries.append(place_entry(i, study, point, truth, source))
    return entries


def insertion_entries(studies: Sequence[Study], count: int) -> list[Entry]:
    """Entries of the positive class for nodules that are inserted into real lungs while training.

    Each lies at an annotated nodule of a whole scan, and stands for one of ``source``
    ``inserted`` that a transform puts elsewhere in that scan
    (:class:`nodulus.transforms.insertion.rand_inserted_crop.RandInsertedNoduleCropd`): where
    there is no room, the annotated nodule is what is left.

    Args:
        studies: scans with annotated nodules, whole ones: in a cut-out there is no elsewhere.
        count: how many; a sampler draws such groups by their number.
    """
    nodules = [
        (i, study, nodule.center_lps_mm)
        for i, study in enumerate(studies)
        if not study.is_cut_out
        for nodule in study.nodules
    ]
    return [
        place_entry(i, study, point, True, Source.INSERTED)
        for i, study, point in itertools.islice(itertools.cycle(nodules), count)
    ]


def malignancy_entries(studies: Sequence[Study], false_alarms: bool = False) -> list[Entry]:
    """One entry for each nodule whose median rating is not 3: above is malignant, below benign.

    LIDC-IDRI's custom; nodules without a rating are left out as well.

    Args:
        studies: with their nodules and candidates.
        false_alarms: take the segmentation's false alarms as further negatives. In use some of
            them reach this classifier, and one that it never saw may come out on top of the list.
    """
    entries = [
        place_entry(i, study, nodule.center_lps_mm, nodule.malignancy > 3, Source.NODULE)
        for i, study in enumerate(studies)
        for nodule in study.nodules
        if nodule.malignancy is not None and nodule.malignancy != 3
    ]
    if false_alarms:
        entries += [
            place_entry(i, study, candidate.center_lps_mm, False, Source.SEGMENTATION)
            for i, study in enumerate(studies)
            for candidate in study.candidates
            if candidate.probability is not None and not candidate.is_nodule
        ]
    return entries


RATED = (
    "malignancy", "texture", "spiculation", "lobulation", "margin", "sphericity", "subtlety",
    "calcification",
)  # fmt: skip
"""What a network with several heads learns, in the order of its outputs."""

_NO_CALCIFICATION = 6


def rating_entries(studies: Sequence[Study]) -> list[Entry]:
    """One entry for each nodule with a malignancy, whose target is every rating of :data:`RATED`.

    The median of the readers goes from 1 to 5 and becomes 0 to 1: a probability that grows with
    what they say, and lies between where they differ. Calcification's numbers are names of which
    one is 'absent': it is 1 where the median says otherwise. NaN is unknown.
    """
    entries = []
    for i, study in enumerate(studies):
        for nodule in study.nodules:
            if nodule.malignancy is None:
                continue
            given = {**nodule.ratings, "malignancy": nodule.malignancy}
            entry = place_entry(i, study, nodule.center_lps_mm, True, Source.NODULE)
            entry["target"] = np.asarray([_soft(name, given) for name in RATED], np.float32)
            entries.append(entry)
    return entries


def _soft(name: str, given: Mapping[str, float]) -> float:
    if name not in given:
        return float("nan")
    if name == "calcification":
        return float(given[name] < _NO_CALCIFICATION)
    return (given[name] - 1.0) / 4.0


def known_entries(prepared: PreparedStudies, entries: Sequence[Entry]) -> list[Entry]:
    """The entries whose point is not in a zone of the mask that nobody has labelled.

    Points outside the prepared box, far from any lung, are left out as well.
    """
    by_study: dict[int, list[Entry]] = {}
    for entry in entries:
        by_study.setdefault(entry["study"], []).append(entry)
    kept: list[Entry] = []
    for index in sorted(by_study):
        item = prepared[index]
        shape = np.asarray(item["image"].shape[1:])
        for entry in by_study[index]:
            voxel = np.round(lps_to_voxel(entry["point_lps_mm"], item["affine"])).astype(int)
            if np.any(voxel < 0) or np.any(voxel >= shape):
                continue
            if "label" in item and int(item["label"][(0, *voxel)]) == IGNORE_LABEL:
                continue
            kept.append(entry)
    return kept


def hard_negatives(studies: Sequence[Study], listed: bool = False) -> list[np.ndarray[Any, Any]]:
    """For each study the segmentation's false alarms, LPS mm, shape (n, 3).

    Args:
        studies: with their candidates.
        listed: also the other candidates that are no nodules.
    """
    return [
        np.asarray(
            [
                c.center_lps_mm
                for c in s.candidates
                if (listed or c.probability is not None) and not c.is_nodule
            ]
        ).reshape(-1, 3)
        for s in studies
    ]


def study_entries(studies: Sequence[Study], listed: bool = False) -> list[Entry]:
    """One entry for each study, with its known false alarms and whether all nodules are marked.

    Args:
        studies: to learn from.
        listed: candidates that are no nodules count as false alarms whoever found them, not
            the segmentation's alone.
    """
    return [
        {"study": i, "hard_lps_mm": hard, "partly_marked": study.is_partly_marked}
        for i, (study, hard) in enumerate(
            zip(studies, hard_negatives(studies, listed), strict=True)
        )
    ]


def study_sampler(
    studies: Sequence[Study], count: int, seed: int, by_folder: bool = False
) -> SeededSampler:
    """Draw studies by their number of nodules, so that each nodule of the data is equally likely.

    A study without one counts as one with one.

    Args:
        studies: to draw from.
        count: draws an epoch, for each process.
        seed: of the run.
        by_folder: draw from each data folder equally often, so that a few real scans are not
            lost among many phantoms.
    """
    weights = [float(max(1, len(study.nodules))) for study in studies]
    if by_folder:
        total: defaultdict[str, float] = defaultdict(float)
        for study, weight in zip(studies, weights, strict=True):
            total[str(study.folder)] += weight
        weights = [w / total[str(s.folder)] for s, w in zip(studies, weights, strict=True)]
    return SeededSampler(weights, count, seed)


def balanced_sampler(
    entries: Sequence[Entry],
    count: int,
    seed: int,
    studies: Sequence[Study] = (),
    size_exponent: float = 0.0,
    ground_glass_apart: bool = False,
) -> SeededSampler:
    """Draw as many positives as negatives, and of each from every source there is.

    Args:
        entries: what to draw from.
        count: draws an epoch, for each process.
        seed: of the run.
        studies: of the entries; where given, each data folder is a source of its own, so that
            a few real scans are not lost among many phantoms.
        size_exponent: a source is drawn in proportion to this power of its number of entries: 0
            draws all sources equally often, 1 all entries, 0.5 lies between.
        ground_glass_apart: annotated nodules that readers rate as ground glass (texture of at
            most 2) are a source of their own, so that a few are not lost among the solid.

    Raises:
        ValueError: one of the two classes is missing.
    """
    folders = [str(studies[entry["study"]].folder) if studies else "" for entry in entries]
    groups = [
        (
            bool(entry["target"][0]),
            entry["source"],
            folder,
            ground_glass_apart and entry.get("texture", 5.0) <= GROUND_GLASS,
        )
        for entry, folder in zip(entries, folders, strict=True)
    ]
    size = Counter(groups)
    total = dict.fromkeys((True, False), 0.0)
    for (truth, *_), n in size.items():
        total[truth] += n**size_exponent
    if not all(total.values()):
        counts = {truth: sum(g[0] is truth for g in size) for truth in total}
        raise ValueError(f"training needs both classes, got {counts[True]} positive groups "
                         f"and {counts[False]} negative groups")  # fmt: skip
    weights = [0.5 * size[g] ** size_exponent / total[g[0]] / size[g] for g in groups]
    return SeededSampler(weights, count, seed)
