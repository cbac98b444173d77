"""Which files of a study's result are written, and which not and why."""

from __future__ import annotations

from collections.abc import Collection

from nodulus.app.result import StudyResult
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.app.results.options import OutputOptions

SEG_FILE = "nodules_seg.dcm"
SR_FILE = "nodules_sr.dcm"
KEY_OBJECTS_FILE = "key_objects.dcm"
GSPS_FILE = "nodules_gsps.dcm"
PDF_FILE = "report_pdf.dcm"
MASK_FILE = "nodules_mask.nii.gz"
REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.txt"
INTERMEDIATES_FOLDER = "intermediates"

_NOT_ASKED_FOR = "not asked for"
_NOT_DICOM = "the source is not DICOM"
_NO_FINDINGS = "no findings"


def key_image_file(finding_id: int) -> str:
    """Give the name of a finding's secondary capture."""
    return f"key_image_{finding_id}.dcm"


def writer_of(what: str) -> str:
    """Give the writer that makes a file, by the file's key in ``StudyResult.files``."""
    return "key_images" if what.startswith("key_image_") else what


def planned_files(
    result: StudyResult, options: OutputOptions, *, is_dicom: bool, intermediates: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Tell which files will be written, and which not and why.

    Args:
        result: what was found.
        options: what is wanted.
        is_dicom: whether the source is DICOM.
        intermediates: whether there is something to keep.

    Returns:
        What to file name, and what to reason.
    """
    files = {"findings": FINDINGS_FILE}
    left_out: dict[str, str] = {}
    found = bool(result.findings)

    def plan(what: str, wanted: bool, made: dict[str, str], needs_findings: bool) -> None:
        """Write it down; what is off by default is not spoken of when it is not wanted."""
        if wanted and not is_dicom:
            left_out[what] = _NOT_DICOM
        elif wanted and needs_findings and not found:
            left_out[what] = _NO_FINDINGS
        elif wanted:
            files.update(made)

    for what, wanted in (("seg", options.seg), ("sr", options.sr), ("report", options.report)):
        if not wanted:
            left_out[what] = _NOT_ASKED_FOR
    if options.seg and not is_dicom:
        files["mask"] = MASK_FILE
    plan("seg", options.seg, {"seg": SEG_FILE}, True)
    plan("sr", options.sr, {"sr": SR_FILE}, False)
    keys = {f"key_image_{f.id}": key_image_file(f.id) for f in result.findings}
    plan("key_images", options.key_images, {"key_objects": KEY_OBJECTS_FILE, **keys}, True)
    plan("gsps", options.gsps, {"gsps": GSPS_FILE}, True)
    plan("pdf", options.pdf, {"pdf": PDF_FILE}, False)
    if options.report:
        files["report"] = REPORT_FILE
    if options.summary:
        files["summary"] = SUMMARY_FILE
    if options.keep_intermediates and intermediates:
        files["intermediates"] = INTERMEDIATES_FOLDER
    return files, left_out


_REFERRING = ("seg", "sr", "key_objects", "key_images", "gsps")
"""What refers to source images; the PDF only belongs to their study."""


def without_references(
    result: StudyResult, reason: str, *, objects: Collection[str] = _REFERRING
) -> StudyResult:
    """Plan without what refers to source images, for a source that cannot be referred to.

    Args:
        result: with its plan in ``files`` and ``files_left_out``.
        reason: why not.
        objects: the writers of what is left out.
    """
    dropped = [what for what in result.files if writer_of(what) in objects]
    files = {what: name for what, name in result.files.items() if what not in dropped}
    named = dict.fromkeys("key_images" if what.startswith("key_") else what for what in dropped)
    left_out = {**result.files_left_out, **dict.fromkeys(named, reason)}
    if "seg" in dropped:
        files["mask"] = MASK_FILE
    return result.model_copy(update={"files": files, "files_left_out": left_out})
