"""The typed result of a study from what the chain returned."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib import metadata

from nodulus.app.chain.analysis import Analysis
from nodulus.app.chain.models import Models
from nodulus.app.chain.other_weights import other_weights
from nodulus.app.chain.settings import ChainSettings, PipelineSettings
from nodulus.app.reading.kernels import Sharpness, sharpness
from nodulus.app.result import ResultWarning, SeriesChoice, StudyResult, VolumeInfo
from nodulus.app.volume import CtVolume
from nodulus.transforms.lung_density import low_attenuation_share


def assemble_result(
    volume: CtVolume,
    analysis: Analysis,
    models: Models,
    settings: ChainSettings,
    considered: tuple[SeriesChoice, ...],
) -> StudyResult:
    """Put together what findings.json says.

    Args:
        volume: what was analysed.
        analysis: the chain's outcome for it.
        models: the networks that took part.
        settings: with the operating points that were applied.
        considered: every series of the study with the reason for its choice.
    """
    infos = models.info()
    share, reason = _emphysema(volume, analysis, settings.pipeline)
    rows = [tuple(float(v) for v in row) for row in volume.geometry.affine_lps]
    return StudyResult(
        nodulus_version=metadata.version("nodulus"),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        study_uid=volume.study_uid,
        series_uid=volume.series_uid,
        volume=VolumeInfo(
            source_format=volume.source_format,
            shape_irc=volume.geometry.shape_irc,
            spacing_irc_mm=volume.geometry.spacing_irc_mm,
            affine_lps=tuple((a, b, c, d) for a, b, c, d in rows),
            lung_volume_ml=round(analysis.lungs.volume_ml, 1),
            right_lung_ml=round(analysis.lungs.right_ml, 1),
            left_lung_ml=round(analysis.lungs.left_ml, 1),
            emphysema_share=share,
            emphysema_not_assessed=reason,
            lung_share=analysis.coverage.share,
            lung_cut_cm2=analysis.coverage.cut_cm2,
            convolution_kernel=volume.facts.convolution_kernel,
            slice_thickness_mm=volume.facts.slice_thickness_mm,
            manufacturer=volume.facts.manufacturer,
        ),
        series_considered=considered,
        models=infos,
        operating_points=settings.operating_points.listed(),
        warnings=(
            *(ResultWarning(code=w.code, message=w.message) for w in analysis.warnings),
            *other_weights(infos, settings.operating_points),
        ),
        timings_s=analysis.timings_s,
        findings=analysis.findings,
        candidates=analysis.candidates,
        candidate_sources=analysis.sources,
    )


def _emphysema(
    volume: CtVolume, analysis: Analysis, pipeline: PipelineSettings
) -> tuple[float | None, str | None]:
    """The share of the lungs below the limit, or why it is not assessed."""
    limits = pipeline.contents
    if volume.geometry.spacing_irc_mm[0] > limits.thickest_slices_mm:
        return None, f"slices thicker than {limits.thickest_slices_mm:g} mm"
    if sharpness(volume.facts.convolution_kernel) is Sharpness.SHARP:
        return None, "a sharp kernel"
    if analysis.coverage.is_partial:
        return None, "the scan does not show all of the lungs"
    share = low_attenuation_share(volume.hu, volume.geometry, analysis.lungs, limits.emphysema_hu)
    return (None, "no aerated lung") if share is None else (round(share, 4), None)
