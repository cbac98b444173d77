"""One study: read, analyse, write."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from nodulus.app.assemble import assemble_result
from nodulus.app.chain import Analysis, ChainSettings, Models, Occlusion, analyse
from nodulus.app.guidelines.clinical import ClinicalFile
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.progress import StepProgress
from nodulus.app.reading import StudyInput
from nodulus.app.reading.patient_facts import PatientFacts, read_patient_facts
from nodulus.app.result import ResultWarning, StudyResult
from nodulus.app.results.encodable import encodable_text
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.study_plan import StudyAnalysis
from nodulus.app.results.write_results import WrittenStudy, write_study
from nodulus.app.volume import CtVolume


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
    series_uid = encodable_text(volume.series_uid)
    if series_uid != volume.series_uid:  # the stem of a file name that is not UTF-8
        volume = replace(volume, series_uid=series_uid)
    return volume, time.perf_counter() - began


def analyse_study(
    study: StudyInput,
    volume: CtVolume,
    read_s: float,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: StepProgress | None = None,
    clinical: ClinicalFile | None = None,
    others: OtherCandidates = OWN_CANDIDATES,
) -> StudyAnalysis:
    """Take a volume through the chain.

    Args:
        study: where the volume comes from.
        volume: as `read_study` returned it.
        read_s: seconds that reading took, for the result.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: whether answers are explained and intermediates kept.
        progress: called with (step, done, total).
        clinical: what is known of the patient beside the header.
        others: candidates of other sources.

    Raises:
        NodulusError: the volume shows no lungs, or candidates cannot be of it.
    """
    analysis = analyse(
        volume,
        models,
        settings,
        progress,
        occlusion=Occlusion() if options.explain else None,
        keep_crops=options.keep_intermediates,
        others=others.with_objects(study.objects),
    )
    result = assemble_result(volume, analysis, models, settings, study.considered)
    result = _guided(result, volume, options, clinical)
    timings = {"read": round(read_s, 3), **result.timings_s}
    return StudyAnalysis(
        analysis.labels,
        result.model_copy(update={"timings_s": timings}),
        analysis.sensitivities,
        ProbabilityMap(analysis.probability, analysis.probability_geometry),
        _intermediates(analysis) if options.keep_intermediates else None,
    )


def _guided(
    result: StudyResult, volume: CtVolume, options: OutputOptions, clinical: ClinicalFile | None
) -> StudyResult:
    """The result with what guidelines and risk models say of it.

    Age and sex of the header are left alone where no identity may go into the results.
    """
    header = PatientFacts() if options.deidentify else read_patient_facts(volume)
    of_file = clinical.facts_of(volume.study_uid or volume.series_uid) if clinical else None
    known = known_facts(of_file, header.age_years, header.sex, header.sources)
    notes = [f"{doubt}: not used." for doubt in header.doubts]
    if clinical and of_file is None:
        notes.append("The clinical file has nothing of this study.")
    guidance = study_guidance(result.findings, known, tuple(notes))
    warnings = result.warnings
    if known.differences:
        names = " and ".join(name.replace("_", " ") for name in known.differences)
        message = (
            f"The clinical file says another {names} than the DICOM header: check that it is of"
            " this patient. The file's value is used."
        )
        warnings = (*warnings, ResultWarning(code="clinical-facts-differ", message=message))
    return result.model_copy(update={"guidance": guidance, "warnings": warnings})


def _intermediates(analysis: Analysis) -> Intermediates:
    return Intermediates(
        analysis.lungs.search_region,
        analysis.lungs.geometry,
        analysis.probability,
        analysis.probability_geometry,
        analysis.candidates,
        analysis.crops,
    )


def run_study(
    study: StudyInput,
    folder: Path,
    models: Models,
    settings: ChainSettings,
    options: OutputOptions,
    progress: StepProgress | None = None,
    clinical: ClinicalFile | None = None,
    others: OtherCandidates = OWN_CANDIDATES,
) -> WrittenStudy:
    """Take one study through the chain and write its results.

    Args:
        study: as :func:`nodulus.app.reading.find_studies` found it.
        folder: the study's own result folder (see `publish_results`).
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which files are written.
        progress: called with (step, done, total).
        clinical: what is known of the patient beside the header.
        others: candidates of other sources.

    Returns:
        The result as written, and where; something may be missing from it.

    Raises:
        NodulusError: the study cannot be read, shows no lungs, or the folder cannot be written.
    """
    volume, read_s = read_study(study, progress)
    analysis = analyse_study(
        study, volume, read_s, models, settings, options, progress, clinical, others
    )
    return write_study(folder, volume, analysis, options, progress)
