"""A processing module of mercure (mercure-imaging.org).

The contract, from mercure's documentation and its processor: DICOM files lie in MERCURE_IN_DIR as
``<series UID>#<file UID>.dcm``, beside ``.tags`` files and ``task.json``, whose
``process.settings`` are the module's settings. What is to be sent on goes to MERCURE_OUT_DIR
itself, ending in ``.dcm``; ``result.json`` there may ask for a notification. A status other than
0 is a failed task.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.deploy.containers.mercure_result import mercure_result
from nodulus.app.end_of_process import clean_end
from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.private_folder import STAGING_PREFIX, private_folder

if TYPE_CHECKING:
    from nodulus.app.reading import StudyInput
    from nodulus.app.run import StudyOutcome

IN_VARIABLE, OUT_VARIABLE = "MERCURE_IN_DIR", "MERCURE_OUT_DIR"
RESULT_FILE = "result.json"


def main(environment: Mapping[str, str], models: Path | None = None) -> int:
    """Process one task.

    Args:
        environment: with MERCURE_IN_DIR and MERCURE_OUT_DIR.
        models: a folder with the three bundles; None for the shipped ones.

    Returns:
        The exit status: 0 all studies done, 1 one could not be analysed, or lacks a result, or
        there was none.
    """
    try:
        out = _out(environment)
    except NodulusError as error:
        _say(f"error: {error}")
        return 1
    try:
        with clean_end():
            return _process(Path(environment[IN_VARIABLE]), out, models)
    except (NodulusError, OSError) as caught:
        # What cannot be read is a NodulusError already.
        why = not_writable(out, caught) if isinstance(caught, OSError) else caught
        _say(f"error: {why}")
        with suppress(OSError):
            out.mkdir(parents=True, exist_ok=True)
            _write_result(out, mercure_result([], [why], {}, "never"))
        return 1


def _out(environment: Mapping[str, str]) -> Path:
    if not environment.get(OUT_VARIABLE):
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"{IN_VARIABLE} is set, {OUT_VARIABLE} is not.",
            remedy="Set both, as mercure does.",
        )
    return Path(environment[OUT_VARIABLE])


def _process(source: Path, out: Path, models: Path | None) -> int:
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.deploy.containers.mercure_settings import (
        candidates_of,
        clinical_of,
        read_task_settings,
    )
    from nodulus.app.output import OutputFolder
    from nodulus.app.reading import find_studies
    from nodulus.app.results.failure_note import NO_STUDY
    from nodulus.app.run import run_all

    settings = read_task_settings(source)
    clinical = clinical_of(settings, source)
    others = candidates_of(settings, source)
    out.mkdir(parents=True, exist_ok=True)
    with private_folder(out, STAGING_PREFIX) as scratch:
        discovery = find_studies(source)
        if clinical and len(discovery.studies) > 1:
            clinical.check_several()
        outcomes = run_all(
            discovery,
            OutputFolder(scratch),
            load_models(models, settings.device),
            load_settings(operating_point=settings.operating_point),
            settings.output_options(),
            clinical=clinical,
            others=others,
            progress=_step_teller(),
        )
        published = {o.study.key: _publish(o, out) for o in outcomes}
    _write_result(out, mercure_result(outcomes, discovery.problems, published, settings.notify))
    for outcome in outcomes:
        if outcome.note is not None and outcome.note.left_out is not None:
            _say(f"{outcome.study.key}: no failure note: {outcome.note.left_out}")
    if settings.failure_note and not outcomes:
        _say(f"no failure note: {NO_STUDY}")
    for problem in (*discovery.problems, *(o.error for o in outcomes if o.error)):
        _say(f"error: {problem}")
    return int(not outcomes or any(o.error is not None for o in outcomes))


def _write_result(out: Path, text: str) -> None:
    part = out / f".{RESULT_FILE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(out / RESULT_FILE)


def _publish(outcome: StudyOutcome, out: Path) -> dict[str, str]:
    """Move a study's files to where mercure looks; give their names by what they are."""
    from pydicom import dcmread

    key = outcome.study.key
    paths: dict[str, Path] = {}
    if outcome.result is not None and outcome.folder is not None:
        paths = {kind: outcome.folder / name for kind, name in outcome.result.files.items()}
    elif outcome.note is not None and outcome.note.path is not None:
        paths = {"failure_note": outcome.note.path}
    names = {}
    for kind, path in paths.items():
        if path.suffix == ".dcm":
            header = dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
            uid = header.file_meta.MediaStorageSOPInstanceUID
            names[kind] = f"{header.SeriesInstanceUID}#{uid}.dcm"
        else:
            names[kind] = f"{key}.{path.name}"
        path.rename(out / names[kind])
    return names


def _step_teller() -> Callable[[StudyInput, str, int, int], None]:
    """Tell each step once: mercure keeps what the module prints."""
    told: set[tuple[str, str]] = set()

    def tell(study: StudyInput, step: str, _done: int, _total: int) -> None:
        if (study.key, step) not in told:
            told.add((study.key, step))
            _say(f"{study.key}: {step}")

    return tell


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody listens any more; the work goes on
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
