"""From what is known of a scan's nodules to its label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.data.prepare.problems import Problem, ProblemKind, ScanError
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan
from nodulus.bundles.common.data.tables import ExcludedFinding, Nodule
from nodulus.bundles.common.metrics.luna16_match import UNKNOWN_DIAMETER_MM
from nodulus.transforms.blocks import Box
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.spheres import sphere_voxels

Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A scan's label map.

    Args:
        labels: uint8, shape (I, R, C): 0 background, n nodule n, 255 ignored.
        source: where it comes from.
        nodules: each with its label.
        problems: what did not fit.
    """

    labels: Labels
    source: LabelSource
    nodules: tuple[Nodule, ...]
    problems: tuple[Problem, ...]


def label_map(
    loaded: LoadedScan,
    nodules: Sequence[Nodule],
    excluded: Sequence[ExcludedFinding],
    series_uid: str,
) -> LabelMap:
    """Make a scan's label map.

    Of a mask, each nodule gets the label that fills most of its ball; where a mask has one value
    for several nodules, each of its pieces counts as a label. A nodule that the mask lacks is
    drawn as a ball, and what the mask has and the list lacks is ignored (255). Without a mask
    every nodule is a ball. Excluded findings are ignored where there is background.

    Args:
        loaded: the scan and its mask, if any.
        nodules: those inside the volume.
        excluded: findings that are neither nodule nor background.
        series_uid: for messages.

    Raises:
        ScanError: there are more than 254 nodules.
    """
    geometry = loaded.geometry
    problems = []
    if loaded.labels is None:
        labels, source = np.zeros(geometry.shape_irc, np.uint8), LabelSource.SPHERES
        numbers: list[int | None] = [None] * len(nodules)
    else:
        labels, source = loaded.labels.copy(), loaded.label_source
        if source is LabelSource.MASK and len(nodules) > 1 and not any(n.label for n in nodules):
            _separate(labels)
        numbers = [_number(labels, geometry, nodule) for nodule in nodules]
        if others := _ignore_others(labels, numbers):
            message = f"{others} labels of the mask are no nodule of the list; ignored"
            problems.append(Problem(ProblemKind.LABEL_UNLISTED, message, series_uid=series_uid))
        if bare := numbers.count(None):
            message = f"{bare} of {len(nodules)} nodules are not in the mask; drawn as balls"
            problems.append(Problem(ProblemKind.LABEL_MISSING, message, series_uid=series_uid))
    balls = [sphere_voxels(geometry, n.center_lps_mm, n.diameter_mm) for n in nodules]
    free = (number for number in range(1, IGNORE_LABEL) if number not in set(numbers))
    for k in [k for k, number in enumerate(numbers) if number is None]:
        fresh = next(free, None)
        if fresh is None:
            message = f"there are more than {IGNORE_LABEL - 1} nodules"
            raise ScanError(Problem(ProblemKind.MASK_BROKEN, message, series_uid=series_uid))
        box, inside = balls[k]
        part = labels[box]
        part[inside & ((part == 0) | (part == IGNORE_LABEL))] = fresh
        numbers[k] = fresh
    _ignore_excluded(labels, geometry, excluded, balls)
    final = tuple(replace(n, label=number) for n, number in zip(nodules, numbers, strict=True))
    return LabelMap(labels, source, final, tuple(problems))


def _separate(labels: Labels) -> None:
    """Give, in place, each piece its own number where the mask knows only one."""
    values = set(np.unique(labels).tolist()) - {0, IGNORE_LABEL}
    if len(values) == 1:
        pieces, count = ndimage.label(labels == values.pop(), np.ones((3, 3, 3)))
        if 1 < count < IGNORE_LABEL:
            labels[pieces > 0] = pieces[pieces > 0]


def _number(labels: Labels, geometry: Geometry, nodule: Nodule) -> int | None:
    """The nodule's label in a mask, None where the mask lacks it."""
    if nodule.label and nodule.label != IGNORE_LABEL and np.any(labels == nodule.label):
        return nodule.label
    box, inside = sphere_voxels(geometry, nodule.center_lps_mm, nodule.diameter_mm)
    counts = np.bincount(labels[box][inside], minlength=IGNORE_LABEL)[1:IGNORE_LABEL]
    return 1 + int(counts.argmax()) if counts.any() else None


def _ignore_others(labels: Labels, numbers: Sequence[int | None]) -> int:
    """Ignore, in place, the labels that are not among the numbers; returns how many."""
    kept = {0, IGNORE_LABEL, *numbers}
    others = [value for value in np.unique(labels).tolist() if value not in kept]
    if others:
        labels[np.isin(labels, others)] = IGNORE_LABEL
    return len(others)


def _ignore_excluded(
    labels: Labels,
    geometry: Geometry,
    excluded: Sequence[ExcludedFinding],
    nodules: Sequence[tuple[Box, NDArray[np.bool_]]],
) -> None:
    """Mark the background in excluded findings, in place; never within a nodule's own ball."""
    kept = [(box, inside, labels[box].copy()) for box, inside in nodules]
    for finding in excluded:
        diameter = finding.diameter_mm or UNKNOWN_DIAMETER_MM
        box, inside = sphere_voxels(geometry, finding.center_lps_mm, diameter)
        part = labels[box]
        part[inside & (part == 0)] = IGNORE_LABEL
    for box, inside, own in kept:
        labels[box][inside] = own[inside]
