"""Findings that no source image shows, because they lie on interpolated slices alone."""

from __future__ import annotations

from nodulus.app.result import ResultWarning, StudyResult
from nodulus.app.results.label_boxes import Labels, planes_by_label

_SHOW_MASKS = ("seg", "gsps")


def warn_of_findings_without_frame(result: StudyResult, planes: Labels) -> StudyResult:
    """Warn of such findings; where there are no others, take what shows masks from the files.

    Args:
        result: with the planned files.
        planes: shape (planes, R, C), finding ids on the source's images or frames.
    """
    shown = planes_by_label(planes)
    hidden = [str(finding.id) for finding in result.findings if finding.id not in shown]
    if not hidden:
        return result
    warning = ResultWarning(
        code="nodule-between-images",
        message="On interpolated slices alone, so on no image of the source:"
        f" nodule {', '.join(hidden)}.",
    )
    update: dict[str, object] = {"warnings": (*result.warnings, warning)}
    if not shown:
        reason = "all nodules lie on interpolated slices alone"
        dropped = {what: reason for what in result.files if what in _SHOW_MASKS}
        update["files"] = {w: name for w, name in result.files.items() if w not in dropped}
        update["files_left_out"] = {**result.files_left_out, **dropped}
    return result.model_copy(update=update)
