"""The chain: one call from a volume to findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.chain.analysis import Analysis
from app.chain.candidates import describe_candidates, find_candidates, steady_center
from app.chain.classify import classify
from app.chain.findings import Scored, build_findings
from app.chain.models import Models
from app.chain.network_space import to_network_space
from app.chain.nodule_probability import combine
from app.chain.segment import segment
from app.chain.settings import ChainSettings
from app.errors import ErrorCode, NodulusError
from app.results.model import Finding
from app.volume import CtVolume, VolumeWarning
from transforms.candidates import Candidate
from transforms.lungs import LungRegion, find_lungs

if TYPE_CHECKING:
    from bundles.common.loading import LoadedBundle

Progress = Callable[[str, int, int], None]
"""Called with (step, done, total)."""

Report = Callable[[int, int], None]


def analyse(
    volume: CtVolume,
    models: Models,
    settings: ChainSettings,
    progress: Progress | None = None,
) -> Analysis:
    """Find and rate the nodules of one chest CT.

    Lung region, segmentation inside it, candidates, nodule or not, malignant or not,
    measurements on the scanner's own grid.

    Args:
        volume: Hounsfield units with their place in the patient.
        models: the three networks.
        settings: pipeline settings and operating points.
        progress: called with (step, done, total) while it works.

    Returns:
        The findings and everything that led to them.

    Raises:
        NodulusError: ``no-lungs`` where the volume shows none.
    """
    timings: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[Report]:
        began = time.perf_counter()

        def report(done: int, total: int) -> None:
            if progress is not None:
                progress(name, done, total)

        report(0, 1)
        yield report
        report(1, 1)
        timings[name] = round(time.perf_counter() - began, 3)

    voxel_threshold = settings.operating_points.segmentation_voxel.threshold

    def rate(bundle: LoadedBundle, chosen: list[Candidate], report: Report) -> NDArray[np.float64]:
        return classify(
            space.windowed(bundle.window_hu),
            [steady_center(c, probability, voxel_threshold) for c in chosen],
            bundle.network,
            crop_size=bundle.crop_size,
            batch=settings.pipeline.crop_batch,
            device=models.device,
            progress=report,
        )

    with step("lungs"):
        lungs = _find_lungs(volume, settings.pipeline.min_lung_volume_ml)
    with step("resample"):
        space = to_network_space(
            volume, lungs, settings.pipeline.lung_margin_mm, models.segmentation.spacing_mm
        )
        grid = space.geometry
        region = lungs.on(grid)
    with step("segmentation") as report:
        probability = segment(
            space.windowed(models.segmentation.window_hu),
            region,
            models.segmentation.network,
            roi_size=models.segmentation.roi_size,
            pipeline=settings.pipeline,
            device=models.device,
            progress=report,
        )
    with step("candidates"):
        candidates, dropped = find_candidates(probability, grid, region, settings)
    with step("nodule") as report:
        classified = rate(models.nodule, candidates, report)
        nodule = combine(
            [c.peak_probability for c in candidates],
            classified,
            settings.pipeline.segmentation_share,
        )
    threshold = settings.operating_points.nodule.threshold
    kept = np.flatnonzero(nodule >= threshold)
    with step("malignancy") as report:
        malignancy = rate(models.malignancy, [candidates[i] for i in kept], report)
    with step("measurements"):
        scored = [
            Scored(candidates[i], float(nodule[i]), float(classified[i]), float(m))
            for i, m in zip(kept, malignancy, strict=True)
        ]
        found, labels = build_findings(
            volume, scored, probability, grid, lungs, settings.operating_points
        )
    outcome: list[Finding | None] = [None] * len(candidates)
    for position, finding in zip(kept, found, strict=True):
        outcome[position] = finding
    return Analysis(
        findings=tuple(sorted((f for f in found if f is not None), key=lambda f: f.id)),
        labels=labels,
        candidates=(
            *describe_candidates(candidates, nodule, classified, outcome, threshold),
            *dropped,
        ),
        lungs=lungs,
        probability=probability,
        probability_geometry=grid,
        warnings=(*volume.warnings, *_lung_warnings(lungs)),
        timings_s=timings,
    )


def _find_lungs(volume: CtVolume, min_volume_ml: float) -> LungRegion:
    lungs = find_lungs(volume.hu, volume.geometry)
    volume_ml = 0.0 if lungs is None else lungs.volume_ml
    if lungs is None or volume_ml < min_volume_ml:
        raise NodulusError(
            ErrorCode.NO_LUNGS,
            f"the volume shows {volume_ml:.0f} ml of lung, and a chest CT shows at least"
            f" {min_volume_ml:.0f} ml.",
            remedy="Give a CT of the chest; a head, abdomen or phantom scan cannot be analysed.",
            subject=volume.series_uid,
        )
    return lungs


def _lung_warnings(lungs: LungRegion) -> tuple[VolumeWarning, ...]:
    if not any(lungs.touches_ends):
        return ()
    return (
        VolumeWarning(
            "lungs-cut",
            "The lungs reach the first or the last slice: the scan may not show all of them.",
        ),
    )
