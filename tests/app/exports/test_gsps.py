"""The presentation state of a stored result, and why there is none."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.exports import gsps
from nodulus.app.results.file_plan import GSPS_FILE
from tests.app.results.others import validate
from tests.app.results.synthetic import PATIENT_NAME

from .conftest import Exported


def exported_state(made: Exported) -> bytes:
    study = replace(made.study, images=(made.folder.parent / "ct",))
    return gsps.export(study)[GSPS_FILE]


def outlines(state: Dataset) -> list[tuple[str, int, str, str, list[float]]]:
    """Image, frame, tracking UID, name and points of each outline."""
    return [
        (
            str(image.ReferencedSOPInstanceUID),
            int(image.get("ReferencedFrameNumber", 0)),
            str(outline.TrackingUID),
            str(annotation.TextObjectSequence[0].UnformattedTextValue),
            list(outline.GraphicData),
        )
        for annotation in state.GraphicAnnotationSequence
        for image in annotation.ReferencedImageSequence
        for outline in annotation.GraphicObjectSequence
    ]


@pytest.mark.parametrize("geometry", ["axial", "oblique slices", "multi-frame"])
def test_it_is_the_one_that_the_analysis_makes(geometry: str, tmp_path: Path) -> None:
    made = Exported(tmp_path, geometry, gsps=True)
    content = exported_state(made)
    (tmp_path / GSPS_FILE).write_bytes(content)
    validate(tmp_path / GSPS_FILE)
    there, here = dcmread(made.folder / GSPS_FILE), dcmread(BytesIO(content))
    assert len(outlines(here)) > 2
    assert outlines(here) == outlines(there)
    assert here.PatientName == there.PatientName == PATIENT_NAME
    assert here.StudyInstanceUID == made.result.study_uid
    assert dcmread(BytesIO(exported_state(made))).SOPInstanceUID == here.SOPInstanceUID


def test_without_the_images_it_says_where_to_name_them(axial: Exported) -> None:
    with pytest.raises(NodulusError, match="not known where the images") as refused:
        gsps.export(axial.study)
    assert refused.value.code is ErrorCode.IMAGES_NOT_FOUND
    assert "--images" in refused.value.remedy


def test_a_deidentified_result_does_not_point_at_its_images(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match="de-identified"):
        exported_state(Exported(tmp_path, "axial", deidentify=True))


def test_a_result_without_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match="without masks"):
        exported_state(Exported(tmp_path, "axial", seg=False))


def test_images_that_rescale_differently_are_named(axial: Exported, tmp_path: Path) -> None:
    for position, path in enumerate(sorted((tmp_path / "ct").iterdir())):
        image = dcmread(path)
        image.RescaleIntercept = float(image.RescaleIntercept) - position
        image.PixelData = (image.pixel_array + position).astype(np.int16).tobytes()
        image.save_as(path)
    with pytest.raises(NodulusError, match="different rescales") as refused:
        exported_state(axial)
    assert refused.value.code is ErrorCode.INCONSISTENT_SERIES


def test_other_images_of_the_patient_are_not_taken(axial: Exported, tmp_path: Path) -> None:
    series = generate_uid()
    for path in (tmp_path / "ct").iterdir():
        image = dcmread(path)
        image.SeriesInstanceUID = series
        image.save_as(path)
    with pytest.raises(NodulusError) as refused:
        exported_state(axial)
    assert refused.value.code is ErrorCode.IMAGES_NOT_FOUND
