"""All studies of an input, one after the other; a broken one harms no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ClinicalFile
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.output import OutputFolder
from nodulus.app.reading import Discovery, StudyInput
from nodulus.app.result import StudyResult
from nodulus.app.results.failure_note import FailureNote, remove_failure_note, write_failure_note
from nodulus.app.results.failure_words import incomplete_error
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import WrittenStudy
from nodulus.app.study import run_study

logger = logging.getLogger("nodulus")


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study.

    Args:
        study: as it was found.
        result: as written; None where the study could not be analysed.
        error: why not, or (``results-incomplete``) what is missing from the result.
        folder: where the result is.
        note: what became of the note that it could not be analysed; None where none was asked for.
    """

    study: StudyInput
    result: StudyResult | None
    error: NodulusError | None
    folder: Path | None = None
    note: FailureNote | None = None


def written_outcome(study: StudyInput, written: WrittenStudy) -> StudyOutcome:
    """Give the outcome of a study whose results are written, all of them or not."""
    error = incomplete_error(written.result, study.key)
    return StudyOutcome(study, written.result, error, written.folder)


def run_all(
    discovery: Discovery,
    output: OutputFolder,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    *,
    clinical: ClinicalFile | None = None,
    others: OtherCandidates = OWN_CANDIDATES,
    progress: Callable[[StudyInput, str, int, int], None] | None = None,
    finished: Callable[[StudyOutcome], None] | None = None,
) -> tuple[StudyOutcome, ...]:
    """Run every study that was found.

    Args:
        discovery: what the input holds.
        output: where results go.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which files are written.
        clinical: what is known of the patients beside the headers.
        others: candidates of other sources.
        progress: called with (study, step, done, total).
        finished: called after each study.

    Returns:
        One outcome a study, in the discovery's order.

    Raises:
        NodulusError: PACKAGE_MISSING where the options want one that is not installed.
    """
    options.check()
    discovery = prepared(discovery, options)
    outcomes = []
    for study in discovery.studies:
        outcome = run_one(study, output, models, settings, options, progress, clinical, others)
        outcomes.append(outcome)
        output.record([study_entry(outcome, options)])
        if outcome.folder is not None and not options.deidentify:
            output.remember_images(outcome.folder.name)
        if finished is not None:
            finished(outcome)
    output.finish(summary(outcomes, discovery, options))
    return tuple(outcomes)


def prepared(discovery: Discovery, options: OutputOptions) -> Discovery:
    """Give what was found under the keys that the results will have.

    Args:
        discovery: what the input holds.
        options: whether results are de-identified; then the keys are other UIDs.

    Raises:
        NodulusError: ``package-missing``.
    """
    if not options.deidentify:
        return discovery
    from nodulus.app.results.deidentify import deidentified_study, require_library

    require_library()
    return replace(discovery, studies=tuple(deidentified_study(s) for s in discovery.studies))


def run_one(
    study: StudyInput,
    output: OutputFolder,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: Callable[[StudyInput, str, int, int], None] | None = None,
    clinical: ClinicalFile | None = None,
    others: OtherCandidates = OWN_CANDIDATES,
) -> StudyOutcome:
    """Run one study; whatever goes wrong is its outcome.

    Args:
        study: under the key that its result will have (`prepared`).
        output: where the result goes.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which files are written.
        progress: called with (study, step, done, total).
        clinical: what is known of the patients beside the headers.
        others: candidates of other sources.
    """

    def tell(step: str, done: int, total: int) -> None:
        if progress is not None:
            progress(study, step, done, total)

    folder = output.study(study.key)
    try:
        if study.error is not None:
            raise study.error
        written = run_study(study, folder, models, settings, options, tell, clinical, others)
    except Exception as error:
        # The other studies must get their results whatever goes wrong here.
        return noted(StudyOutcome(study, None, explained(error, study.key)), folder, options)
    return noted(written_outcome(study, written), folder, options)


def noted(outcome: StudyOutcome, folder: Path, options: OutputOptions) -> StudyOutcome:
    """Write the note about a study that could not be analysed, if one is wanted.

    About one that could, what an earlier run noted no longer holds, and is removed.

    Args:
        outcome: of the study.
        folder: where its result is or would be.
        options: whether a note is wanted.
    """
    study, error = outcome.study, outcome.error
    if outcome.result is not None or error is None:
        remove_failure_note(folder, study)
        return outcome
    if not options.failure_note:
        return outcome
    note = write_failure_note(folder, study, error, deidentified=options.deidentify)
    return replace(outcome, note=note)


def explained(error: Exception, key: str) -> NodulusError:
    """Give an error of one study as one that may be shown.

    Args:
        error: whatever was raised. The text of an unexpected one may quote the input, so that
            only its type is told.
        key: of the study.
    """
    if isinstance(error, NodulusError):
        return error
    logger.debug("unexpected error in %s", key, exc_info=error)
    wrapped = NodulusError(
        ErrorCode.INTERNAL,
        f"an unexpected {type(error).__name__} stopped the analysis.",
        remedy="Run again with --debug for the details, and report them.",
        subject=key,
    )
    wrapped.__cause__ = error
    return wrapped


def summary(
    outcomes: Sequence[StudyOutcome], discovery: Discovery, options: OutputOptions
) -> dict[str, Any]:
    """Give what summary.json says of a run.

    Args:
        outcomes: of its studies.
        discovery: what its input holds.
        options: de-identified, no error repeats which file or series it is about, nor the
            message, which may quote either.
    """
    return {
        "studies": [study_entry(outcome, options) for outcome in outcomes],
        "problems": [_error_entry(problem, options) for problem in discovery.problems],
    }


def study_entry(outcome: StudyOutcome, options: OutputOptions) -> dict[str, Any]:
    """Give what summary.json says of one study."""
    entry = {
        "key": outcome.study.key if outcome.folder is None else outcome.folder.name,
        "findings": None if outcome.result is None else len(outcome.result.findings),
        "error": None if outcome.error is None else _error_entry(outcome.error, options),
    }
    if (note := outcome.note) is not None:
        path = note.path
        entry["failure_note"] = None if path is None else f"{path.parent.name}/{path.name}"
        entry["failure_note_left_out"] = note.left_out
    return entry


def _error_entry(error: NodulusError, options: OutputOptions) -> dict[str, str | None]:
    return {
        "code": error.code.value,
        "subject": None if options.deidentify else error.subject,
        "message": "" if options.deidentify else error.message,
        "remedy": error.remedy,
    }
