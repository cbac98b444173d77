"""A small CT with three findings that differ in every number; what reads their report and SR.

Within one finding no two numbers are alike either, so that a value in a neighbour's column, an axis
with the other's ends or a reference to another image cannot pass.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from nodulus.app.result import StudyResult
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.study_plan import StudyAnalysis, StudyPlan, plan
from nodulus.app.volume import CtVolume

from .synthetic import SHAPE, result_for


def three_labels() -> np.ndarray:
    """Three boxes; two of them share slices, and the second touches the third's reach."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[7:12, 20:28, 30:38] = 1
    labels[10:13, 40:44, 10:14] = 2
    labels[15:18, 40:43, 17:22] = 3
    return labels


def told_apart(volume: CtVolume, labels: np.ndarray) -> StudyResult:
    """Findings with numbers that are all different."""
    result = result_for(volume, labels)
    findings = []
    for n, finding in enumerate(result.findings, start=1):
        x, y, z = finding.center_lps_mm
        findings.append(
            finding.model_copy(
                update={
                    "malignancy_probability": 0.91 - 0.2 * n,
                    "nodule_probability": 0.33 + 0.15 * n,
                    "longest_diameter_mm": 20.0 + n,
                    "perpendicular_diameter_mm": 10.0 + n / 2,
                    "longest_diameter_ends_lps_mm": ((x - 9, y, z), (x + 11, y + n, z)),
                    "perpendicular_diameter_ends_lps_mm": ((x, y - 5, z), (x + n, y + 4, z)),
                    "volume_mm3": 1000.0 + 111 * n,
                    "mean_hu": -100.0 - 31 * n,
                    "sd_hu": 40.0 + 7 * n,
                    "suspicious": n == 2,
                    "laterality": ("right", "left", "right")[n - 1],
                    "lobe": ("lower", None, "upper")[n - 1],
                    "texture": ("part-solid", "solid", "ground-glass")[n - 1],
                }
            )
        )
    return result.model_copy(update={"findings": tuple(findings)})


def study(volume: CtVolume, **options: Any) -> StudyPlan:
    labels = three_labels()
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    analysis = StudyAnalysis(
        labels, told_apart(volume, labels), (), ProbabilityMap(soft, volume.geometry)
    )
    return plan(volume, analysis, OutputOptions(**options))


def image_of(volume: CtVolume, z: float) -> int:
    """The synthetic series counts its images from the head."""
    index = round(float(volume.geometry.lps_to_index((0, 0, z))[0]))
    return SHAPE[0] - index


class Tables(HTMLParser):
    """The cells of a page's tables, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_in = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._is_in = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_in = False

    def handle_data(self, data: str) -> None:
        if self._is_in:
            self.rows[-1][-1] = (self.rows[-1][-1] + data).strip()


def groups_of(report: Dataset) -> list[Dataset]:
    """The measurement groups of a TID 1500 report."""
    (measurements,) = (
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    return list(measurements.ContentSequence)
