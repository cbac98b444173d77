"""Which files a study's result consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ProgressCallback = Callable[[str, int, int], None]
"""Called with the step's name, what is done of it and its total."""


@dataclass(frozen=True)
class OutputOptions:
    """What is written beside ``findings.json``.

    Args:
        seg: the DICOM segmentation (a NIfTI mask for research formats).
        sr: the DICOM structured report (DICOM sources only).
        report: the HTML report.
        keep_intermediates: the lungs, the probability map, the candidates and what the classifiers
            saw of them too.
        explain: say and show, for each finding, what the two classifiers' answers rest on.
        seg_all_frames: keep the frames of the segmentation that are empty, for viewers that
            place frames by number and not by position.
        deidentify: no identity in any of them, and other UIDs.
    """

    seg: bool = True
    sr: bool = True
    report: bool = True
    keep_intermediates: bool = False
    explain: bool = False
    seg_all_frames: bool = False
    deidentify: bool = False
