"""The segmentation's thresholds from outlined nodules, sensitivity first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.settings import OperatingPoints
from nodulus.app.evaluation.metrics.segmentation import OutlineMeasures, dice, measure_outline
from nodulus.app.evaluation.operating_points import threshold_at_sensitivity
from nodulus.app.evaluation.segmentation_samples import OutlinedNodule
from nodulus.app.result import OperatingPoint

THRESHOLDS = tuple(round(0.05 * n, 2) for n in range(1, 20))
_CONNECTED = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class ThresholdRow:
    """All nodules at one voxel threshold.

    Args:
        threshold: of a voxel.
        sensitivity: share of the nodules with a voxel at or above it within their outline.
        mean_dice: over all nodules; 0 for one that is missed.
        median_volume_ratio: drawn over outlined volume, over all nodules.
    """

    threshold: float
    sensitivity: float
    mean_dice: float
    median_volume_ratio: float


@dataclass(frozen=True)
class SegmentationPoints:
    """What was chosen and from what.

    Args:
        voxel: operating point of a voxel.
        peak: of a group's highest voxel.
        curve: over the thresholds that were tried.
        nodules: each nodule's name and measures at the voxel threshold.
    """

    voxel: OperatingPoint
    peak: OperatingPoint
    curve: tuple[ThresholdRow, ...]
    nodules: tuple[tuple[str, OutlineMeasures], ...]


def drawn_at(nodule: OutlinedNodule, threshold: float) -> NDArray[np.bool_]:
    """The groups of voxels at or above a threshold that touch the outline; bool, its shape."""
    groups, count = ndimage.label(nodule.probability >= threshold, structure=_CONNECTED)
    touching = np.zeros(count + 1, bool)
    touching[np.unique(groups[nodule.outline])] = True
    touching[0] = False
    return np.asarray(touching[groups])


def choose_segmentation_points(
    nodules: Iterable[OutlinedNodule],
    source: str,
    sensitivity: float,
    peak_sensitivity: float | None = None,
    dice_loss: float = 0.0,
) -> SegmentationPoints:
    """Choose both thresholds.

    Voxel thresholds count at which the wanted share of the nodules is seen at all. Of these the
    highest is taken whose mean Dice is within ``dice_loss`` of the best: a higher one costs fewer
    false candidates, which outlined nodules alone do not show. The peak threshold is the same, so
    that the nodule classifier judges every group; or, where a share is asked for, the highest that
    keeps it, and never below the other.

    Args:
        nodules: of validation data, at least one.
        source: where they are from, in words that follow their number.
        sensitivity: share of the nodules that the voxel threshold must leave seen.
        peak_sensitivity: share that the peak threshold must leave seen; None for the same
            threshold.
        dice_loss: of the mean Dice, given up for a higher voxel threshold.

    Raises:
        ValueError: no nodule.
    """
    known = list(nodules)
    if not known:
        raise ValueError("no outlined nodule")
    peaks = np.asarray([float(n.probability[n.outline].max()) for n in known])
    curve = tuple(_row(t, known, peaks) for t in THRESHOLDS)
    highest = threshold_at_sensitivity(peaks, sensitivity)
    allowed = [row for row in curve if row.threshold <= highest] or [curve[0]]
    top = max(row.mean_dice for row in allowed)
    chosen = max(
        (row for row in allowed if row.mean_dice >= top - dice_loss), key=lambda row: row.threshold
    )
    count = f"{len(known)} outlined nodules {source}"
    voxel = OperatingPoint(
        name="segmentation_voxel",
        threshold=chosen.threshold,
        chosen_on=(
            f"{count}: highest threshold with a mean Dice within {dice_loss:g} of the best,"
            f" {top:.3f}, where {sensitivity:g} of them are seen; mean Dice"
            f" {chosen.mean_dice:.3f}, sensitivity {chosen.sensitivity:.3f}, median volume"
            f" {chosen.median_volume_ratio:.2f} of the outlined one"
        ),
    )
    return SegmentationPoints(
        voxel,
        _peak(peaks, voxel.threshold, peak_sensitivity, count),
        curve,
        tuple(
            (n.name, measure_outline(drawn_at(n, voxel.threshold), n.outline, n.spacing_mm))
            for n in known
        ),
    )


def _row(
    threshold: float, nodules: Sequence[OutlinedNodule], peaks: NDArray[np.float64]
) -> ThresholdRow:
    overlaps, ratios = [], []
    for nodule in nodules:
        drawn = drawn_at(nodule, threshold)
        overlaps.append(dice(drawn, nodule.outline))
        ratios.append(drawn.sum() / nodule.outline.sum())
    return ThresholdRow(
        threshold,
        float(np.mean(peaks >= threshold)),
        float(np.mean(overlaps)),
        float(np.median(ratios)),
    )


def _peak(
    peaks: NDArray[np.float64], voxel: float, wanted: float | None, count: str
) -> OperatingPoint:
    threshold = voxel
    how = "as segmentation_voxel, so that the nodule probability judges every group"
    if wanted is not None:
        threshold = max(threshold_at_sensitivity(peaks, wanted), voxel)
        how = f"highest that keeps {wanted:g} of them, and not below segmentation_voxel"
    seen = float(np.mean(peaks >= threshold))
    return OperatingPoint(
        name="segmentation_peak",
        threshold=threshold,
        chosen_on=f"{count}: {how}; sensitivity {seen:.3f}",
    )


def every_candidate(points: SegmentationPoints) -> OperatingPoints:
    """Operating points at which every group of voxels becomes a finding.

    What a run needs whose results the classifiers' operating points are chosen on.
    """
    passing = "not chosen yet: every candidate passes"
    return OperatingPoints(
        segmentation_voxel=points.voxel,
        segmentation_peak=points.peak,
        nodule=OperatingPoint(name="nodule", threshold=0.0, chosen_on=passing),
        malignancy=OperatingPoint(name="malignancy", threshold=0.0, chosen_on=passing),
    )
