"""Which files a study's result consists of.

`OutputOptions` is the only list of these options: the command line, ``results`` in the MONAI
Deploy application's app.yaml, mercure's settings and the node's options are made from its fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from importlib import util
from typing import Literal, get_args

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.texts import Language

SegType = Literal["binary", "fractional"]
"""DICOM's Segmentation Type."""


@dataclass(frozen=True)
class OutputOptions:
    """What is written beside ``findings.json``.

    Args:
        seg: the DICOM segmentation (a NIfTI mask for research formats).
        seg_type: ``binary``, each nodule's mask; ``fractional``, the segmentation's probability in
            and around it.
        seg_all_frames: keep the frames of the segmentation that are empty, for viewers that
            place frames by number and not by position.
        sr: the DICOM structured report (DICOM sources only).
        key_images: a key object selection of the findings' source images, and a picture of each
            finding as DICOM secondary capture.
        gsps: a DICOM presentation state with the findings' outlines (DICOM sources only).
        pdf: the report as a DICOM encapsulated PDF.
        report: the HTML report.
        summary: the result in a few lines of plain text.
        language: of the HTML report and the summary: ``en``, ``de``, ``fr`` or ``es``.
        explain: say and show, for each finding, what the two classifiers' answers rest on.
        keep_intermediates: the lungs, the probability map, the candidates and what the classifiers
            saw of them too.
        failure_note: where a study cannot be analysed, a DICOM secondary capture that says so and
            why (DICOM sources only); it is no result.
        deidentify: no identity in any of them, and other UIDs.

    Raises:
        ValueError: a value of another type, or a ``seg_type`` or ``language`` that is none of them.
    """

    seg: bool = field(default=True, metadata={"help": "Write the DICOM segmentation."})
    seg_type: SegType = field(
        default="binary",
        metadata={
            "help": "The nodules' masks, or the segmentation's probability in and around them."
        },
    )
    seg_all_frames: bool = field(
        default=False, metadata={"help": "Keep empty frames in the segmentation."}
    )
    sr: bool = field(default=True, metadata={"help": "Write the DICOM structured report."})
    key_images: bool = field(
        default=False,
        metadata={"help": "Also write a key object selection and a DICOM picture of each finding."},
    )
    gsps: bool = field(
        default=False,
        metadata={
            "help": "Also write the outlines as a DICOM grayscale softcopy presentation state."
        },
    )
    pdf: bool = field(
        default=False, metadata={"help": "Also write the report as DICOM encapsulated PDF."}
    )
    report: bool = field(default=True, metadata={"help": "Write report.html."})
    summary: bool = field(
        default=False,
        metadata={"help": "Also write summary.txt, to be pasted into a report."},
    )
    language: Language = field(default="en", metadata={"help": "Of report.html and summary.txt."})
    explain: bool = field(
        default=False,
        metadata={
            "help": "Also show in the report what the two classifiers' answers rest on (slower)."
        },
    )
    keep_intermediates: bool = field(
        default=False,
        metadata={
            "help": "Also keep lungs, probability map and candidates, with a page that shows each"
            " step."
        },
    )
    failure_note: bool = field(
        default=False,
        metadata={
            "help": "Where a study cannot be analysed, write a DICOM picture for it that says so"
            " and why."
        },
    )
    deidentify: bool = field(
        default=False, metadata={"help": "Leave every identity out of the results; other UIDs."}
    )

    def __post_init__(self) -> None:
        for option in fields(OutputOptions):
            value = getattr(self, option.name)
            if isinstance(option.default, bool) and not isinstance(value, bool):
                raise ValueError(f"{option.name} is true or false, not {value!r}")
        if self.seg_type not in get_args(SegType):
            raise ValueError(f"seg_type is binary or fractional, not {self.seg_type!r}")
        if self.language not in get_args(Language):
            known = ", ".join(get_args(Language))
            raise ValueError(f"language is one of {known}, not {self.language!r}")

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
