"""One study: read, analyse, write."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.assemble import assemble_result
from nodulus.app.chain import Analysis, ChainSettings, Models, Occlusion, analyse
from nodulus.app.progress import StepProgress
from nodulus.app.reading import StudyInput
from nodulus.app.result import StudyResult
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume


@dataclass(frozen=True, eq=False)
class AnalysedStudy:
    """A study between its analysis and its result folder.

    Args:
        volume: what was analysed.
        analysis: the chain's outcome.
        result: what findings.json will say, but for the files.
    """

    volume: CtVolume
    analysis: Analysis
    result: StudyResult

    def intermediates(self, options: OutputOptions) -> Intermediates | None:
        """Give what is kept beside the result, where that is asked for."""
        if not options.keep_intermediates:
            return None
        return Intermediates(
            self.analysis.lungs.mask,
            self.analysis.lungs.geometry,
            self.analysis.probability,
            self.analysis.probability_geometry,
            self.analysis.candidates,
            self.analysis.crops,
        )

    def probability(self, options: OutputOptions) -> ProbabilityMap | None:
        """Give the segmentation's probability, where a file of the result needs it."""
        if not options.seg or options.seg_type != "fractional":
            return None
        return ProbabilityMap(self.analysis.probability, self.analysis.probability_geometry)


def read_study(study: StudyInput, progress: StepProgress | None = None) -> tuple[CtVolume, float]:
    """Read the series that was chosen.

    Args:
        study: as :func:`nodulus.app.reading.find_studies` found it.
        progress: called with ("read", images done, images in all).

    Returns:
        The volume, and the seconds that it took.

    Raises:
        NodulusError: the study has no usable series, or it cannot be read.
    """
    began = time.perf_counter()
    volume = study.load(None if progress is None else lambda n, total: progress("read", n, total))
    return volume, time.perf_counter() - began


def analyse_study(
    study: StudyInput,
    volume: CtVolume,
    read_s: float,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: StepProgress | None = None,
) -> AnalysedStudy:
    """Take a volume through the chain.

    Args:
        study: where the volume comes from.
        volume: as `read_study` returned it.
        read_s: seconds that reading took, for the result.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: whether answers are explained and intermediates kept.
        progress: called with (step, done, total).

    Raises:
        NodulusError: the volume shows no lungs.
    """
    analysis = analyse(
        volume,
        models,
        settings,
        progress,
        occlusion=Occlusion() if options.explain else None,
        keep_crops=options.keep_intermediates,
    )
    result = assemble_result(volume, analysis, models, settings, study.considered)
    timings = {"read": round(read_s, 3), **result.timings_s}
    return AnalysedStudy(volume, analysis, result.model_copy(update={"timings_s": timings}))


def run_study(
    study: StudyInput,
    folder: Path,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: StepProgress | None = None,
) -> StudyResult:
    """Take one study through the chain and write its results.

    Args:
        study: as :func:`nodulus.app.reading.find_studies` found it.
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
    volume, read_s = read_study(study, progress)
    analysed = analyse_study(study, volume, read_s, models, settings, options, progress)
    return write_results(
        folder,
        volume,
        analysed.analysis.labels,
        analysed.result,
        options=options,
        progress=progress,
        intermediates=analysed.intermediates(options),
        sensitivities=analysed.analysis.sensitivities,
        probability=analysed.probability(options),
    )
