"""`nodulus detect`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.candidates_option import (
    candidates_options,
    check_belongs,
    check_studies,
    taken_candidates,
)
from nodulus.app.commands.chain_options import (
    debug_option,
    device_option,
    model_service_option,
    precision_option,
    settings_option,
)
from nodulus.app.commands.clinical_option import clinical_option
from nodulus.app.commands.operating_point_option import operating_point_option
from nodulus.app.commands.outcome_lines import print_outcome
from nodulus.app.commands.output_options import output_options, taken
from nodulus.app.commands.problem_lines import problem_lines
from nodulus.app.commands.root import EXIT_FAILED, OWN_PROCESS
from nodulus.app.end_of_process import clean_end
from nodulus.app.process import import_monai

if TYPE_CHECKING:
    from rich.console import Console

    from nodulus.app.candidates.candidate_options import CandidateOptions
    from nodulus.app.candidates.open_candidates import FileCandidates
    from nodulus.app.chain.network.precision import PrecisionSetting
    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.reading import Discovery
    from nodulus.app.result import PointName
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.run import StudyOutcome


@click.command("detect")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results."
)
@click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    help="Folder with the three bundles, and their settings if they have own ones;"
    " default: the shipped ones.",
)
@model_service_option
@settings_option
@operating_point_option
@click.option(
    "--marks",
    type=click.Path(path_type=Path),
    help="Also write every candidate in LUNA16's submission form.",
)
@clinical_option
@candidates_options
@output_options()
@device_option
@precision_option
@debug_option
def command(
    source: Path,
    output: Path,
    models: Path | None,
    model_service: str | None,
    settings: Path | None,
    operating_point: PointName | None,
    marks: Path | None,
    clinical: Path | None,
    device: str,
    precision: PrecisionSetting | None,
    debug: bool,
    **results: Any,
) -> None:
    """Find and rate lung nodules in every study of INPUT.

    INPUT is a DICOM folder (any nesting, any number of studies) or file, a DICOMDIR, a zip file, or
    NIfTI, MHD or NRRD.
    Each study gets a folder in OUTPUT with findings.json, report.html, and the DICOM SEG and SR.

    Exit status: 0 all studies done, 1 some input could not be analysed or some result not be made,
    2 wrong usage.
    """
    from nodulus.app.commands.terminal import LastingConsole

    errors = LastingConsole(stderr=True, highlight=False)
    if debug:
        logging.basicConfig(level=logging.DEBUG)
    options = taken(results)
    candidates = taken_candidates(results, options.deidentify, device)
    with clean_end():
        failed = _detect(
            source,
            output,
            models,
            model_service,
            settings,
            operating_point,
            marks,
            clinical,
            candidates,
            candidates.sources() if candidates else (),
            options,
            device,
            precision,
            errors,
        )
    if failed:
        sys.exit(EXIT_FAILED)


def _detect(
    source: Path,
    output: Path,
    models: Path | None,
    model_service: str | None,
    settings: Path | None,
    operating_point: PointName | None,
    marks: Path | None,
    clinical: Path | None,
    candidates: CandidateOptions | None,
    sources: tuple[FileCandidates, ...],
    options: OutputOptions,
    device: str,
    precision: PrecisionSetting | None,
    errors: Console,
) -> bool:
    """Do it; tell whether anything failed."""
    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.commands.terminal import LastingConsole

    console = LastingConsole(highlight=False, soft_wrap=True)
    with StudyProgress(errors) as progress, ExitStack() as stack:
        progress.task("looking for studies")
        studies = _studies(source, progress, stack)
        from nodulus.app.chain import load_models, load_settings
        from nodulus.app.guidelines.clinical import ClinicalFile
        from nodulus.app.marks import OWN_CANDIDATES
        from nodulus.app.output import OutputFolder
        from nodulus.app.results.luna16_marks import marks_of, write_marks
        from nodulus.app.results.write_results import import_writers
        from nodulus.app.run import run_all

        chain_settings = load_settings(settings, models, operating_point=operating_point)
        folder = OutputFolder(output, source)
        facts = ClinicalFile(clinical) if clinical else None
        discovery = studies()
        if facts and len(discovery.studies) > 1:
            facts.check_several()
        check_belongs(sources, discovery)
        check_studies(sources, discovery)
        progress.task("loading models")
        setting = precision or chain_settings.pipeline.precision
        loaded = load_models(models, device, setting, model_service)
        # The networks compute in other threads and leave Python to this one.
        stack.enter_context(ThreadPoolExecutor(1)).submit(import_writers)

        def finished(outcome: StudyOutcome) -> None:
            print_outcome(console, errors, outcome)

        outcomes = run_all(
            discovery,
            folder,
            loaded,
            chain_settings,
            options,
            clinical=facts,
            others=candidates.of(sources) if candidates else OWN_CANDIDATES,
            progress=progress.study,
            finished=finished,
        )
    for line in problem_lines(discovery.problems):
        errors.print(line, style="red", markup=False, soft_wrap=True)
    if options.failure_note and not outcomes:
        from nodulus.app.results.failure_note import NO_STUDY

        errors.print(f"no failure note: {NO_STUDY}", markup=False, soft_wrap=True)
    if marks is not None:
        write_marks(marks, (m for o in outcomes if o.result for m in marks_of(o.result)))
    return bool(discovery.problems) or any(o.error is not None for o in outcomes)


def _studies(source: Path, progress: StudyProgress, stack: ExitStack) -> Callable[[], Discovery]:
    """Give what finds the studies: in a process of our own at once, beside the imports."""
    from nodulus.app.reading import Archives, find_studies, prefetching

    archives = stack.enter_context(Archives())
    if click.get_current_context().obj is not OWN_PROCESS:
        return lambda: find_studies(source, progress.files, archives)
    ahead = stack.enter_context(prefetching(source, archives, progress.files))
    import_monai()
    return ahead.studies
