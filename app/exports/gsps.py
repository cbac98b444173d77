"""The presentation state that ``--gsps`` makes, of a result that was made without it."""

from __future__ import annotations

from contextlib import closing
from uuid import NAMESPACE_OID, uuid5

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.exports.study import ResultToExport
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.deidentify import METHOD
from nodulus.app.results.encode import encode_object
from nodulus.app.results.file_plan import GSPS_FILE
from nodulus.app.results.presentation_state import build_presentation_state
from nodulus.app.results.source_masks import labels_on_source
from nodulus.app.results.sources import SourceHeaders, read_source_headers
from nodulus.app.results.warning_filter import without_identity_in_warnings
from nodulus.app.volume import CtVolume


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give the presentation state.

    Args:
        study: of a DICOM source, with its masks; its images are read again. The object's UIDs are
            the same for the same result.

    Raises:
        NodulusError: ``input-not-found`` where the result has no masks; ``images-not-found``;
            ``invalid-attribute`` or ``inconsistent-series`` where no object can refer to them.
    """
    if not study.result.findings:
        return {}
    _check(study)
    labels = study.labels
    with closing(study.image_reader()) as reader, without_identity_in_warnings():
        volume = reader.volume(study.result, study.recorded_images)
        sources = _sources(study, volume)
        planes = labels_on_source(
            labels,
            volume.geometry,
            sources,
            is_source_grid=volume.is_source_grid,
            finding_ids=[finding.id for finding in study.result.findings],
        )
        name = f"{study.result.series_uid}/{study.result.created}"
        uids = derived.object_uids(uuid5(NAMESPACE_OID, name), derived.PRESENTATION_STATE)
        made = build_presentation_state(planes, sources, study.result, uids)
        return {GSPS_FILE: encode_object(made, sources.patient_name, deidentified=False)}


def _check(study: ResultToExport) -> None:
    """Refuse what no images can be found for."""
    if study.result.study_uid is None:
        raise NodulusError(
            ErrorCode.IMAGES_NOT_FOUND,
            "The source is not DICOM, and a presentation state refers to DICOM images.",
            remedy="Choose another format.",
            subject=study.folder,
        )
    if study.header is not None and study.header.get("DeidentificationMethod") == METHOD:
        raise NodulusError(
            ErrorCode.IMAGES_NOT_FOUND,
            "The result is de-identified, and its UIDs are not those of the images.",
            remedy="Analyse the study again with --deidentify --gsps.",
            subject=study.folder,
        )


def _sources(study: ResultToExport, volume: CtVolume) -> SourceHeaders:
    sources = read_source_headers(volume)
    reason = sources.no_object_because or sources.no_reference_because
    if reason is not None:
        raise NodulusError(
            ErrorCode.INVALID_ATTRIBUTE,
            f"No DICOM object can refer to the images: {reason}.",
            remedy="Choose another format.",
            subject=study.folder,
        )
    return sources
