"""One study's results, made and written; what cannot be made is left out and said."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.progress import StepProgress
from nodulus.app.result import StudyResult
from nodulus.app.results import writers
from nodulus.app.results.failure_words import explain_failure
from nodulus.app.results.folder import check_folder, replaced_folder
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.same_study import folder_to_replace, incomplete_folder
from nodulus.app.results.study_plan import StudyAnalysis, StudyPlan, plan, without
from nodulus.app.results.warning_filter import without_identity_in_warnings

if TYPE_CHECKING:
    from nodulus.app.explanation import Sensitivity
    from nodulus.app.results.intermediates import Intermediates
    from nodulus.app.results.label_boxes import Labels
    from nodulus.app.results.probability import ProbabilityMap
    from nodulus.app.volume import CtVolume

_STEPS = 5
_ASIDE = ("seg", "sr", "key_objects", "key_images", "gsps", "pdf")
"""Made in a thread of their own: they compute in Python while the pictures leave Python free."""
_SAY_WHAT_IS_MISSING = ("report", "summary", "pdf", "intermediates")


@dataclass(frozen=True)
class MadeResults:
    """Files that were made, and what could not be made.

    Args:
        files: their bytes by their names, by the writer.
        failed: the reason, by the writer.
    """

    files: Mapping[str, writers.Files] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: MadeResults) -> MadeResults:
        """Join two; what both have is the other's."""
        return MadeResults({**self.files, **other.files}, {**self.failed, **other.failed})

    def less(self, names: Collection[str]) -> MadeResults:
        """Leave out what these writers made."""
        return replace(self, files={n: f for n, f in self.files.items() if n not in names})


@dataclass(frozen=True)
class WrittenStudy:
    """A study's results in their place.

    Args:
        result: as written.
        folder: where.
    """

    result: StudyResult
    folder: Path


def make_results(plan: StudyPlan, wanted: Collection[str] | None = None) -> MadeResults:
    """Make files of a study; one that cannot be made keeps no other from being made.

    Args:
        plan: of the study.
        wanted: the writers' names; None for all that are planned.
    """
    names = [name for name in plan.writers if wanted is None or name in wanted]
    files: dict[str, writers.Files] = {}
    failed: dict[str, str] = {}
    for name in names:
        made = _attempt(name, plan)
        if isinstance(made, str):
            failed[name] = made
        else:
            files[name] = made
    return MadeResults(files, failed)


def _attempt(name: str, plan: StudyPlan) -> writers.Files | str:
    """What a writer makes, or why it cannot."""
    try:
        return writers.WRITERS[name](plan)
    except Exception as error:
        return explain_failure(error)


def publish_results(folder: Path, plan: StudyPlan, made: MadeResults) -> WrittenStudy:
    """Write a study's folder; it replaces an earlier one as a whole, or leaves it as it was.

    What could not be made, or not be written, is left out, and what says so is made again. An
    earlier complete result is not replaced by one that lacks something: that goes beside it.

    Args:
        folder: the study's own folder, such as ``OUT/<study UID>``.
        plan: of the study.
        made: what was made of it.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    with replaced_folder(folder, lambda target: folder_to_replace(target, settled)) as staged:
        settled, made = _settled(plan, made)
        while unwritten := _save(staged.part, settled, made):
            made = made.less(unwritten) | MadeResults({}, unwritten)
            settled, made = _settled(settled, made)
        settled = _timed(settled)
        _write_findings(staged.part, settled)
    if not settled.failed:
        shutil.rmtree(incomplete_folder(staged.folder), ignore_errors=True)
    return WrittenStudy(settled.result, staged.folder)


def write_study(
    folder: Path,
    volume: CtVolume,
    analysis: StudyAnalysis,
    options: OutputOptions,
    progress: StepProgress | None = None,
) -> WrittenStudy:
    """Plan, make and write a study's results.

    Args:
        folder: the study's own folder.
        volume: the CT that was analysed.
        analysis: what was found.
        options: which files are wanted.
        progress: called with ("write", done, total).

    Raises:
        NodulusError: as `plan` and `publish_results`.
        ValueError: as `plan`.
    """
    tell = progress or (lambda _step, _done, _total: None)
    tell("write", 0, _STEPS)
    check_folder(folder)
    planned = plan(volume, analysis, options)
    with ThreadPoolExecutor(1) as aside, without_identity_in_warnings():
        tell("write", 1, _STEPS)
        objects = aside.submit(make_results, planned, _ASIDE)
        tell("write", 2, _STEPS)
        made = make_results(planned, [name for name in planned.writers if name not in _ASIDE])
        tell("write", 3, _STEPS)
        made |= objects.result()
    tell("write", 4, _STEPS)
    written = publish_results(folder, planned, made)
    tell("write", _STEPS, _STEPS)
    return written


def write_results(
    folder: Path,
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    *,
    options: OutputOptions,
    progress: StepProgress | None = None,
    intermediates: Intermediates | None = None,
    sensitivities: Sequence[Sensitivity] = (),
    probability: ProbabilityMap | None = None,
) -> StudyResult:
    """Make and write a study's results from their parts.

    Args:
        folder: the study's own folder.
        volume: the CT that was analysed.
        labels: and the next: see `StudyAnalysis`.
        result: what was found.
        options: which files are wanted.
        progress: called with ("write", done, total).
        intermediates: written too when ``options.keep_intermediates``.
        sensitivities: shown in the report.
        probability: of the segmentation, for a fractional one.

    Returns:
        The result as written.

    Raises:
        NodulusError: as `write_study`.
        ValueError: as `write_study`.
    """
    analysis = StudyAnalysis(labels, result, tuple(sensitivities), probability, intermediates)
    return write_study(folder, volume, analysis, options, progress).result


def import_writers() -> None:
    """Import what makes the files, which takes a while: for a thread beside the networks."""
    import nodulus.app.results.dicom_seg
    import nodulus.app.results.dicom_sr
    import nodulus.app.results.report  # noqa: F401


def _settled(plan: StudyPlan, made: MadeResults) -> tuple[StudyPlan, MadeResults]:
    """Leave out what failed, and make again what says what is missing, until nothing fails."""
    while failed := {n: why for n, why in made.failed.items() if n not in plan.failed}:
        plan = without(plan, failed)
        again = {name for name in _SAY_WHAT_IS_MISSING if name in plan.writers}
        if "seg" in failed and "sr" in plan.writers:
            again.add("sr")  # which refers to it
        made = made.less({*failed, *again}) | make_results(plan, again)
    return plan, made


def _timed(plan: StudyPlan) -> StudyPlan:
    """Put the seconds since the plan was begun into its result."""
    seconds = round(time.perf_counter() - plan.started, 3)
    timings = {**plan.result.timings_s, "results": seconds}
    return replace(plan, result=plan.result.model_copy(update={"timings_s": timings}))


def _save(part: Path, plan: StudyPlan, made: MadeResults) -> dict[str, str]:
    """Write all files anew; give the reason for what cannot be written, by the writer.

    Raises:
        OSError: not even findings.json can be written.
    """
    _empty(part)
    failed = {}
    for writer, files in made.files.items():
        reason = _why_unwritten(part, files)
        if reason is not None:
            failed[writer] = reason
    try:
        _write_findings(part, plan)
    except OSError as error:
        if not made.files:
            raise
        # The largest gives way: what was found matters most.
        largest = max(made.files, key=lambda name: sum(map(len, made.files[name].values())))
        failed.setdefault(largest, explain_failure(error))
    return failed


def _why_unwritten(part: Path, files: writers.Files) -> str | None:
    """Write files; give the reason where that fails, and leave none of them then."""
    try:
        for name, content in files.items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_bytes(content)
    except OSError as error:
        for name in files:
            (part / name).unlink(missing_ok=True)
        return explain_failure(error)
    return None


def _write_findings(part: Path, plan: StudyPlan) -> None:
    for name, content in writers.findings(plan).items():
        (part / name).write_bytes(content)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
