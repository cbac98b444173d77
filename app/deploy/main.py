"""`python -m app -i INPUT -o OUTPUT -m MODELS`: the MONAI Deploy application as a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodulus.app.deploy.sdk import prepare_sdk
from nodulus.app.end_of_process import clean_end
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.app.chain import ChainSettings, Models
    from nodulus.app.guidelines.clinical import ClinicalFile
    from nodulus.app.marks import OtherCandidates
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.run import StudyOutcome

EXIT_DONE, EXIT_FAILED = 0, 1
CONFIG = Path(__file__).with_name("app.yaml")
CONFIG_VARIABLE = "HOLOSCAN_CONFIG_PATH"
DEFAULT_MODELS = "models"
"""Where the SDK looks when nobody says where; the shipped models are taken if it is not there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application once.

    Args:
        arguments: the SDK's own options; what they leave out comes from HOLOSCAN_INPUT_PATH,
            HOLOSCAN_OUTPUT_PATH and HOLOSCAN_MODEL_PATH. None for the program's.

    Returns:
        The exit status: 0 all studies done, 1 some input could not be analysed.
    """
    from nodulus.app.commands.streams import any_encoding
    from nodulus.app.commands.terminal import LastingConsole

    any_encoding()
    errors = LastingConsole(stderr=True, highlight=False)
    try:
        prepare_sdk()
        with clean_end():
            return _run(sys.argv[1:] if arguments is None else arguments, errors)
    except NodulusError as error:
        errors.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        return EXIT_FAILED


def _run(arguments: Sequence[str], errors: Any) -> int:
    from nodulus.app.chain import load_settings
    from nodulus.app.commands.outcome_lines import print_outcome
    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.commands.terminal import LastingConsole
    from nodulus.app.deploy.app import NodulusApplication
    from nodulus.app.deploy.case import Work
    from nodulus.app.output import OutputFolder
    from nodulus.app.reading import Archives
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.run import summary

    console = LastingConsole(highlight=False, soft_wrap=True)
    context = _context(arguments)
    source, output = Path(context.input_path), Path(context.output_path)

    def finished(outcome: StudyOutcome) -> None:
        print_outcome(console, errors, outcome)

    with StudyProgress(errors) as progress, Archives() as archives:
        folder = OutputFolder(output, source)
        progress.task("loading models")
        work = Work(
            source,
            archives,
            folder,
            _models(context),
            load_settings(),
            OutputOptions(),
            progress.study,
            finished,
        )
        application = NodulusApplication(work)
        work.options = _options(application)
        work.settings = _settings(application)
        work.clinical = _clinical(application)
        work.others = _candidates(application, work.options)
        work.options.check()
        application.run()
    if work.discovery is None:
        raise NodulusError(
            ErrorCode.INTERNAL,
            "The application ended without having looked at the input.",
            remedy="Run with `-l DEBUG`, and report what it says.",
            subject=source,
        )
    folder.finish(summary(work.outcomes, work.discovery, work.options))
    for problem in work.discovery.problems:
        errors.print(f"error: {problem}", style="red", markup=False, soft_wrap=True)
    failed = bool(work.discovery.problems) or any(o.error is not None for o in work.outcomes)
    return EXIT_FAILED if failed else EXIT_DONE


def _context(arguments: Sequence[str]) -> Any:
    """The SDK's context: what the options say, else the environment.

    An option that the SDK does not know, or a path that does not exist, ends the program with
    status 2 and the usage, as the SDK does it.
    """
    from monai.deploy.core import Application

    try:
        return Application.init_app_context([sys.argv[0], "-l", "ERROR", *arguments])
    except OSError as error:
        raise not_writable(error.filename, error) from error


def _settings(application: Any) -> ChainSettings:
    """The shipped settings at the operating point that the application's configuration names."""
    from nodulus.app.chain import load_settings

    # One that a runtime puts in place may have no such part, and asking for it logs an error.
    chain = application.kwargs("chain") if "chain" in _parts(application) else {}
    return load_settings(operating_point=chain.get("operating_point"))


def _clinical(application: Any) -> ClinicalFile | None:
    """What is known of the patients, from the file that the application's configuration names."""
    from nodulus.app.guidelines.clinical import ClinicalFile

    named = application.kwargs("clinical") if "clinical" in _parts(application) else {}
    return ClinicalFile(Path(named["file"])) if named.get("file") else None


def _candidates(application: Any, options: OutputOptions) -> OtherCandidates:
    """Candidates of other tools, as the application's configuration names them."""
    from nodulus.app.marks import OWN_CANDIDATES

    named = application.kwargs("candidates") if "candidates" in _parts(application) else {}
    if not named.get("of_study") and not named.get("file"):
        return OWN_CANDIDATES
    from nodulus.app.candidates.candidate_options import CandidateOptions

    given = (str(named["file"]),) if named.get("file") else ()
    is_only, of_study = bool(named.get("only")), bool(named.get("of_study"))
    return CandidateOptions(given, is_only, of_study, options.deidentify).for_many()


def _parts(application: Any) -> set[str]:
    return {key.split(".")[0] for key in application.config_keys()}


def _options(application: Any) -> OutputOptions:
    """What ``results`` in the application's configuration asks for."""
    from nodulus.app.results.options import OutputOptions

    path = os.environ.get(CONFIG_VARIABLE) or str(CONFIG)
    try:
        application.config(path)
        return OutputOptions(**application.kwargs("results"))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"the application's configuration cannot be used: {error}.",
            remedy=f"Correct it, or leave {CONFIG_VARIABLE} out to use the shipped one.",
            subject=path,
        ) from error


def _models(context: Any) -> Models:
    from nodulus.app.deploy.models import load_deployed_models

    folder = Path(context.model_path)
    if str(folder) == DEFAULT_MODELS and not folder.exists():
        return load_deployed_models(None)
    return load_deployed_models(folder)
