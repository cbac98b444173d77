"""A finding where a reader points: outlined, rated and measured as the chain does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.characteristics import rate_characteristics
from nodulus.app.chain.findings import Ratings, measured_finding
from nodulus.app.chain.lobe import Lobes
from nodulus.app.chain.models import Models
from nodulus.app.chain.outline_at_point import OutlinedBy, outline_at_point
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.score_candidates import rate_malignancy, rate_nodules
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.result import Finding
from nodulus.transforms.blocks import Box
from nodulus.transforms.lung_region import LungRegion

__all__ = ["OutlinedBy", "PointedFinding", "finding_at"]


@dataclass(frozen=True, eq=False)
class PointedFinding:
    """What the chain makes of a point.

    Args:
        finding: measured and rated.
        box: of the volume.
        mask: bool, shape of the box.
        outlined_by: the segmentation at its operating point or below it; where it sees nothing
            there, growing by HU; where that fails too, a ball.
    """

    finding: Finding
    box: Box
    mask: NDArray[np.bool_]
    outlined_by: OutlinedBy


def finding_at(
    scan: ScanViews,
    lungs: LungRegion,
    lobes: Lobes,
    models: Models,
    settings: ChainSettings,
    point_lps_mm: Sequence[float],
    number: int,
) -> PointedFinding:
    """Outline, rate and measure what lies at a point.

    At a finding of the chain this gives the finding of the chain, where ``scan`` is as `analyse`
    makes it.

    Args:
        scan: the volume and its views; kept from call to call, only the first one waits for them.
        lungs: of the volume; the point need not lie in them.
        lobes: of these lungs.
        models: the three networks.
        settings: pipeline settings and operating points.
        point_lps_mm: LPS mm, within the volume.
        number: the finding's id.

    Raises:
        ValueError: the point lies outside of the volume.
    """
    volume = scan.volume
    if not bool(volume.geometry.contains(volume.geometry.lps_to_index(point_lps_mm))):
        raise ValueError(f"the point {tuple(point_lps_mm)} is outside of the scan")
    outlined = outline_at_point(scan, models, settings, point_lps_mm)
    scan, look_at, peak = outlined.scan, outlined.look_at_lps_mm, outlined.peak_probability

    def tell(_done: int, _total: int) -> None:
        """Nobody waits for parts of a second."""

    nodule, classifier = rate_nodules(scan, models, settings, [look_at], [peak], tell)
    malignancy = rate_malignancy(scan, models, settings, [look_at], [outlined.diameter_mm], tell)
    (looks,) = rate_characteristics(scan, [look_at], models, settings.pipeline.characteristics)
    finding = measured_finding(
        number,
        Ratings(float(nodule[0]), float(classifier[0]), peak, float(malignancy[0]), looks),
        volume,
        outlined.box,
        outlined.mask,
        lungs,
        lobes,
        settings.operating_points,
        settings.pipeline,
    )
    return PointedFinding(finding, outlined.box, outlined.mask, outlined.outlined_by)
