"""Which files a study's result consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from typing import Literal, get_args

from nodulus.app.errors import ErrorCode, NodulusError

ProgressCallback = Callable[[str, int, int], None]
"""Called with the step's name, what is done of it and its total."""

SegType = Literal["binary", "fractional"]
"""DICOM's Segmentation Type."""


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
        seg_type: ``binary``, each nodule's mask; ``fractional``, the segmentation's probability in
            and around it.
        key_images: a key object selection of the findings' source images, and a picture of each
            finding as DICOM secondary capture.
        pdf: the report as a DICOM encapsulated PDF.
        deidentify: no identity in any of them, and other UIDs.

    Raises:
        ValueError: ``seg_type`` is none of the two.
    """

    seg: bool = True
    sr: bool = True
    report: bool = True
    keep_intermediates: bool = False
    explain: bool = False
    seg_all_frames: bool = False
    seg_type: SegType = "binary"
    key_images: bool = False
    pdf: bool = False
    deidentify: bool = False

    def __post_init__(self) -> None:
        if self.seg_type not in get_args(SegType):
            raise ValueError(f"seg_type is binary or fractional, not {self.seg_type!r}")

    def check(self) -> None:
        """Make sure that what is wanted can be made here; worth calling before hours of work.

        Raises:
            NodulusError: PACKAGE_MISSING, naming what to install.
        """
        if self.pdf and util.find_spec("reportlab") is None:
            raise NodulusError(
                ErrorCode.PACKAGE_MISSING,
                "The PDF report needs the package reportlab.",
                remedy="Install it with: pip install 'nodulus[pdf]' (or: pip install reportlab),"
                " or leave the PDF out.",
            )
