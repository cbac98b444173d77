"""The files of a study's result, each a pure function of its plan.

Each takes a `StudyPlan` and gives the bytes of its files by their names in the study's folder. They
may be called in any order, in any thread, and apart from each other; none changes the plan. What
an object refers to in another one (the structured report in the segmentation) is in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from nodulus.app.results.encode import encode_object
from nodulus.app.results.file_plan import (
    GSPS_FILE,
    INTERMEDIATES_FOLDER,
    KEY_OBJECTS_FILE,
    MASK_FILE,
    PDF_FILE,
    REPORT_FILE,
    SEG_FILE,
    SR_FILE,
    SUMMARY_FILE,
    key_image_file,
)
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.app.results.study_plan import StudyPlan
from nodulus.app.results.warning_filter import without_identity_in_warnings

if TYPE_CHECKING:
    from PIL import Image
    from pydicom import Dataset

    from nodulus.app.result import StudyResult
    from nodulus.app.results.dicom_series import DerivedSeries, ObjectUids
    from nodulus.app.results.label_boxes import Labels
    from nodulus.app.results.sources import SourceHeaders

Files = dict[str, bytes]
"""The bytes of files, by their names in the study's folder."""


def findings(plan: StudyPlan) -> Files:
    """Make findings.json."""
    return {FINDINGS_FILE: (plan.result.model_dump_json(indent=2) + "\n").encode()}


def seg(plan: StudyPlan) -> Files:
    """Make the DICOM segmentation."""
    from nodulus.app.results import dicom_series
    from nodulus.app.results.dicom_seg import build_seg

    sources = _sources(plan)
    if plan.segment_planes is None:
        raise ValueError("no segmentation is planned")
    with without_identity_in_warnings():
        made = build_seg(
            plan.segment_planes,
            sources,
            plan.result,
            dicom_series.object_uids(plan.uid, dicom_series.SEG),
            fractions=plan.fractions,
            all_frames=plan.options.seg_all_frames,
        )
        return {SEG_FILE: _encoded(made, plan, sources)}


def mask(plan: StudyPlan) -> Files:
    """Make the label volume, in the place of a segmentation where the source is not DICOM."""
    from nodulus.app.results.nifti import encode_nifti

    return {MASK_FILE: encode_nifti(plan.labels, plan.volume.geometry)}


def sr(plan: StudyPlan) -> Files:
    """Make the DICOM structured report."""
    from nodulus.app.results.dicom_sr import build_sr

    sources = _sources(plan)
    with without_identity_in_warnings():
        made = build_sr(sources, plan.result, plan.uid, plan.segment_planes)
        return {SR_FILE: _encoded(made, plan, sources)}


def key_objects(plan: StudyPlan) -> Files:
    """Make the DICOM key object selection."""
    from nodulus.app.results.dicom_series import KEY_OBJECTS
    from nodulus.app.results.key_objects import build_key_objects

    return {KEY_OBJECTS_FILE: _of_label_planes(plan, build_key_objects, KEY_OBJECTS)}


def key_images(plan: StudyPlan) -> Files:
    """Make the DICOM secondary captures, one a finding."""
    from nodulus.app.results.image_numbers import image_words
    from nodulus.app.results.key_images import build_key_images

    sources = _sources(plan)
    number = plan.volume.facts.series_number
    places = [image_words(image, number) for image in _image_numbers(plan)]
    with without_identity_in_warnings():
        images = build_key_images(plan.pictures(), sources, plan.result, plan.uid, places)
        return {
            key_image_file(finding.id): _encoded(image, plan, sources)
            for finding, image in zip(plan.result.findings, images, strict=True)
        }


def gsps(plan: StudyPlan) -> Files:
    """Make the DICOM presentation state."""
    from nodulus.app.results.dicom_series import PRESENTATION_STATE
    from nodulus.app.results.presentation_state import build_presentation_state

    return {GSPS_FILE: _of_label_planes(plan, build_presentation_state, PRESENTATION_STATE)}


def pdf(plan: StudyPlan) -> Files:
    """Make the report as a DICOM encapsulated PDF."""
    from nodulus.app.results import dicom_series
    from nodulus.app.results.dicom_pdf import build_encapsulated_pdf
    from nodulus.app.results.report_pdf import build_pdf

    sources = _sources(plan)
    uids = dicom_series.object_uids(plan.uid, dicom_series.PDF)
    with without_identity_in_warnings():
        pages = build_pdf(
            plan.result, plan.pictures(), _image_numbers(plan), plan.volume.facts.series_number
        )
        made = build_encapsulated_pdf(pages, sources, plan.result, uids)
        return {PDF_FILE: _encoded(made, plan, sources)}


def report(plan: StudyPlan) -> Files:
    """Make the HTML report."""
    from nodulus.app.results.report import build_report

    page = build_report(
        plan.volume,
        plan.labels,
        plan.result,
        plan.pictures(),
        plan.sources,
        intermediate_pictures=plan.intermediate_rows(),
        sensitivities=plan.sensitivities,
        language=plan.options.language,
    )
    return {REPORT_FILE: page.encode()}


def summary(plan: StudyPlan) -> Files:
    """Make the summary in plain text."""
    from nodulus.app.results.summary_lines import summary_lines
    from nodulus.app.results.texts import Texts

    lines = summary_lines(plan.result, _image_numbers(plan), Texts(plan.options.language))
    return {SUMMARY_FILE: ("\n".join(lines) + "\n").encode()}


def intermediates(plan: StudyPlan) -> Files:
    """Make what is kept of the chain's steps, and the page that shows it."""
    from nodulus.app.results.intermediates import encode_intermediates
    from nodulus.app.results.intermediates_page import build_intermediates_page

    if plan.intermediates is None:
        raise ValueError("no intermediates are kept")
    rows = plan.intermediate_rows()
    page = build_intermediates_page(plan.volume, plan.intermediates, plan.result, rows)
    made = {"index.html": page.encode(), **encode_intermediates(plan.intermediates)}
    for name, (_title, pictures) in zip(("lungs", "probability"), rows, strict=True):
        for picture in pictures:
            made[f"{name}_{picture.caption.lower()}.png"] = _png(picture.flat())
    return {f"{INTERMEDIATES_FOLDER}/{name}": content for name, content in made.items()}


WRITERS: Mapping[str, Callable[[StudyPlan], Files]] = {
    "seg": seg,
    "mask": mask,
    "sr": sr,
    "key_objects": key_objects,
    "key_images": key_images,
    "gsps": gsps,
    "pdf": pdf,
    "report": report,
    "summary": summary,
    "intermediates": intermediates,
}
"""By the names that ``files`` and ``files_left_out`` in findings.json have for what they make."""


def _image_numbers(plan: StudyPlan) -> list[int | None]:
    from nodulus.app.results.image_numbers import nearest_image_number

    return [nearest_image_number(plan.volume, f, plan.sources) for f in plan.result.findings]


def _sources(plan: StudyPlan) -> SourceHeaders:
    if plan.sources is None:
        raise ValueError("the source is not DICOM")
    return plan.sources


def _of_label_planes(
    plan: StudyPlan,
    build: Callable[[Labels, SourceHeaders, StudyResult, ObjectUids], Dataset],
    series: DerivedSeries,
) -> bytes:
    """An object that shows the findings on the source's images, encoded."""
    from nodulus.app.results.dicom_series import object_uids

    sources = _sources(plan)
    if plan.label_planes is None:
        raise ValueError(f"no {series.description} is planned")
    uids = object_uids(plan.uid, series)
    with without_identity_in_warnings():
        return _encoded(build(plan.label_planes, sources, plan.result, uids), plan, sources)


def _encoded(dataset: Dataset, plan: StudyPlan, sources: SourceHeaders) -> bytes:
    return encode_object(dataset, sources.patient_name, deidentified=plan.options.deidentify)


def _png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()
