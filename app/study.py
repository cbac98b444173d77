"""One study: read, analyse, write."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app.assemble import assemble_result
from app.chain import ChainSettings, Models, Occlusion, analyse
from app.reading import StudyInput
from app.results.intermediates import Intermediates
from app.results.model import StudyResult
from app.results.options import OutputOptions
from app.results.write import write_results

Progress = Callable[[str, int, int], None]


def run_study(
    study: StudyInput,
    folder: Path,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: Progress | None = None,
) -> StudyResult:
    """Take one study through the chain and write its results.

    Args:
        study: as :func:`app.reading.find_studies` found it.
        folder: the study's own result folder; replaced as a whole.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which files are written.
        progress: called with (step, done, total).

    Returns:
        The result as written.

    Raises:
        NodulusError: the study cannot be read, shows no lungs, or the folder cannot be written.
    """

    def tell(step: str, done: int, total: int) -> None:
        if progress is not None:
            progress(step, done, total)

    began = time.perf_counter()
    volume = study.load(lambda done, total: tell("read", done, total))
    read_s = time.perf_counter() - began
    analysis = analyse(
        volume,
        models,
        settings,
        progress,
        occlusion=Occlusion() if options.explain else None,
        keep_crops=options.keep_intermediates,
    )
    result = assemble_result(volume, analysis, models, settings, study.considered)
    result = result.model_copy(update={"timings_s": {"read": round(read_s, 3), **result.timings_s}})
    kept = (
        Intermediates(
            analysis.lungs.mask,
            analysis.lungs.geometry,
            analysis.probability,
            analysis.probability_geometry,
            analysis.candidates,
            analysis.crops,
        )
        if options.keep_intermediates
        else None
    )
    return write_results(
        folder,
        volume,
        analysis.labels,
        result,
        options=options,
        progress=progress,
        intermediates=kept,
        sensitivities=analysis.sensitivities,
    )
