"""All studies of an input, one after the other; a broken one harms no other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import OutputFolder
from nodulus.app.reading import Discovery, StudyInput
from nodulus.app.result import StudyResult
from nodulus.app.results.options import OutputOptions
from nodulus.app.study import run_study

logger = logging.getLogger("nodulus")


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study: a result or an error, never both."""

    study: StudyInput
    result: StudyResult | None
    error: NodulusError | None


def run_all(
    discovery: Discovery,
    output: OutputFolder,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    *,
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
        outcome = _run_one(study, output, models, settings, options, progress)
        outcomes.append(outcome)
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


def _run_one(
    study: StudyInput,
    output: OutputFolder,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: Callable[[StudyInput, str, int, int], None] | None,
) -> StudyOutcome:
    def tell(step: str, done: int, total: int) -> None:
        if progress is not None:
            progress(study, step, done, total)

    try:
        if study.error is not None:
            raise study.error
        result = run_study(study, output.study(study.key), models, settings, options, tell)
    except Exception as error:
        # The other studies must get their results whatever goes wrong here.
        return StudyOutcome(study, None, explained(error, study.key))
    return StudyOutcome(study, result, None)


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


def summary(outcomes: Sequence[StudyOutcome], discovery: Discovery, options: OutputOptions) -> str:
    """Give what summary.json says of a run.

    De-identified, it does not repeat which file or series an error is about, nor the message,
    which may quote either.
    """

    def error_of(error: NodulusError) -> dict[str, str | None]:
        return {
            "code": error.code.value,
            "subject": None if options.deidentify else error.subject,
            "message": "" if options.deidentify else error.message,
            "remedy": error.remedy,
        }

    content = {
        "nodulus_version": metadata.version("nodulus"),
        "studies": [
            {
                "key": o.study.key,
                "findings": None if o.result is None else len(o.result.findings),
                "error": None if o.error is None else error_of(o.error),
            }
            for o in outcomes
        ],
        "problems": [error_of(p) for p in discovery.problems],
    }
    return json.dumps(content, indent=2) + "\n"
