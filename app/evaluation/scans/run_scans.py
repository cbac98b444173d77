"""The chain on every scan of a folder; what was done once is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.assemble import assemble_result
from nodulus.app.chain import ChainSettings, Models, analyse
from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.match_results import read_result
from nodulus.app.evaluation.scans.fingerprint import fingerprint
from nodulus.app.evaluation.scans.lesion_masks import LesionMasks
from nodulus.app.evaluation.scans.lesion_outlines import LesionOutline, outline_lesions
from nodulus.app.reading import Discovery, StudyInput
from nodulus.app.result import StudyResult
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.bundles.common.atomic_files import write_text

OUTLINES_FILE = "outlines.json"

ScanProgress = Callable[[StudyInput, str, int, int], None]
"""Called with (study, step, done, total)."""


@dataclass(frozen=True)
class ScanResult:
    """One scan.

    Args:
        result: what findings.json says.
        outlines: of its lesions that have a mask.
        was_kept: whether it comes from an earlier run.
    """

    result: StudyResult
    outlines: tuple[LesionOutline, ...]
    was_kept: bool


def run_scans(
    discovery: Discovery,
    output: Path,
    models: Models,
    settings: ChainSettings,
    masks: Path | None = None,
    progress: ScanProgress | None = None,
) -> Iterator[ScanResult | NodulusError]:
    """Analyse each scan, or take its result of an earlier run with the same of everything.

    Each gets a folder with ``findings.json``, which other commands read too, and
    ``outlines.json``. A run that was stopped goes on where it was.

    Args:
        discovery: the scans.
        output: where results go.
        models: the three networks.
        settings: pipeline settings and operating points.
        masks: folder with masks of the scans (see `LesionMasks`).
        progress: called with (study, step, done, total).

    Yields:
        A scan, or why it could not be analysed.

    Raises:
        NodulusError: the folder of masks cannot be read.
        OSError: the output folder cannot be written.
    """
    known = LesionMasks(masks, discovery)
    for study in discovery.studies:
        yield _one(study, output / study.key, models, settings, known, progress)


def _one(
    study: StudyInput,
    folder: Path,
    models: Models,
    settings: ChainSettings,
    masks: LesionMasks,
    progress: ScanProgress | None,
) -> ScanResult | NodulusError:
    try:
        return _analysed(study, folder, models, settings, masks, progress)
    except NodulusError as error:
        return error


def _analysed(
    study: StudyInput,
    folder: Path,
    models: Models,
    settings: ChainSettings,
    masks: LesionMasks,
    progress: ScanProgress | None,
) -> ScanResult:
    if study.error is not None:
        raise study.error
    files = masks.of(study)
    mark = fingerprint(study, models, settings, files)
    kept = _kept(folder, mark)
    if kept is not None:
        return kept

    def tell(step: str, done: int, total: int) -> None:
        if progress is not None:
            progress(study, step, done, total)

    volume = study.load(lambda done, total: tell("read", done, total))
    analysis = analyse(volume, models, settings, tell)
    result = assemble_result(volume, analysis, models, settings, study.considered)
    outlines: tuple[LesionOutline, ...] = ()
    if files:
        tell("outlines", 0, 1)
        truth = masks.read(study, volume)
        outlines = outline_lesions(analysis.labels, truth, volume.geometry)
    write_text(folder / FINDINGS_FILE, result.model_dump_json(indent=2) + "\n")
    # Last, for it says that both are whole.
    own = {"made_with": mark, "lesions": [o.model_dump() for o in outlines]}
    write_text(folder / OUTLINES_FILE, json.dumps(own, indent=2) + "\n")
    return ScanResult(result, outlines, was_kept=False)


def _kept(folder: Path, mark: str) -> ScanResult | None:
    """What an earlier run left, None where that is of something else or not whole."""
    path = folder / OUTLINES_FILE
    try:
        own = json.loads(path.read_text(encoding="utf-8"))
        if own["made_with"] != mark:
            return None
        outlines = tuple(LesionOutline.model_validate(row) for row in own["lesions"])
        return ScanResult(read_result(folder / FINDINGS_FILE), outlines, was_kept=True)
    except (OSError, ValueError, KeyError, TypeError, NodulusError):
        return None
