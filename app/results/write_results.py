"""One study's results, made and written in one go."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.result import StudyResult
from nodulus.app.results.file_plan import (
    INTERMEDIATES_FOLDER,
    MASK_FILE,
    REPORT_FILE,
    SEG_FILE,
    SR_FILE,
)
from nodulus.app.results.options import OutputOptions, ProgressCallback
from nodulus.app.results.writer import StudyWriter, without_identity_in_warnings

if TYPE_CHECKING:
    from nodulus.app.explanation import Sensitivity
    from nodulus.app.results.intermediates import Intermediates
    from nodulus.app.results.label_boxes import Labels
    from nodulus.app.results.probability import ProbabilityMap
    from nodulus.app.volume import CtVolume

__all__ = [
    "INTERMEDIATES_FOLDER",
    "MASK_FILE",
    "REPORT_FILE",
    "SEG_FILE",
    "SR_FILE",
    "write_results",
]

_STEPS = 5


def write_results(
    folder: Path,
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    *,
    options: OutputOptions,
    progress: ProgressCallback | None = None,
    intermediates: Intermediates | None = None,
    sensitivities: Sequence[Sensitivity] = (),
    probability: ProbabilityMap | None = None,
) -> StudyResult:
    """Make and write a study's results in one go.

    Args:
        folder: and the next four: see `StudyWriter`.
        volume: the CT that was analysed.
        labels: 0 or the id of a finding, on the volume's grid.
        result: what was found.
        options: which files are wanted.
        progress: called with ("write", done, total).
        intermediates: written too when ``options.keep_intermediates``.
        sensitivities: shown in the report.
        probability: see `StudyWriter`.

    Returns:
        The result as written.

    Raises:
        NodulusError: as `StudyWriter` and `StudyWriter.publish`.
        ValueError: as `StudyWriter`.
    """
    tell = progress or (lambda _step, _done, _total: None)
    tell("write", 0, _STEPS)
    writer = StudyWriter(
        folder,
        volume,
        labels,
        result,
        options=options,
        intermediates=intermediates,
        sensitivities=sensitivities,
        probability=probability,
    )
    # In a thread of its own: it computes in Python while the pictures leave Python free. Warnings
    # are silenced out here, for what is global must not be switched by two threads.
    with ThreadPoolExecutor(1) as aside, without_identity_in_warnings():
        tell("write", 1, _STEPS)
        objects = aside.submit(_make_objects, writer)
        tell("write", 2, _STEPS)
        writer.make_report()
        tell("write", 3, _STEPS)
        objects.result()
    tell("write", 4, _STEPS)
    written = writer.publish()
    tell("write", _STEPS, _STEPS)
    return written


def import_writers() -> None:
    """Import what makes the files, which takes a while: for a thread beside the networks."""
    import nodulus.app.results.dicom_seg
    import nodulus.app.results.dicom_sr
    import nodulus.app.results.report  # noqa: F401


def _make_objects(writer: StudyWriter) -> None:
    writer.make_seg()
    writer.make_sr()
    writer.make_key_images()
    writer.make_pdf()
    writer.encode()
