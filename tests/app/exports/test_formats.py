"""NIfTI, COCO, FHIR, CSV and the RT Structure Set, each read by a tool of its field."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from skimage.measure import points_in_poly

from nodulus.app.exports import coco, fhir, findings_csv, label_nifti, rtstruct
from nodulus.transforms.geometry import LPS_TO_RAS
from tests.app.results.others import plastimatch_masks, validate
from tests.app.results.synthetic import PATIENT_ID, PATIENT_NAME

from .conftest import Exported, in_order


def test_nibabel_reads_the_labels_where_they_are(exported: Exported, tmp_path: Path) -> None:
    files = label_nifti.export(exported.study)
    path = tmp_path / label_nifti.LABELS_FILE
    path.write_bytes(files[label_nifti.LABELS_FILE])
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    for number in (1, 2):
        points = nib.affines.apply_affine(LPS_TO_RAS @ image.affine, np.argwhere(data == number))
        np.testing.assert_allclose(in_order(points), exported.points(number), atol=1e-3)
    rows = list(csv.DictReader(io.StringIO(files[label_nifti.TABLE_FILE].decode()), delimiter="\t"))
    assert [row["index"] for row in rows] == ["1", "2"]
    assert [float(r["malignancy_probability"]) for r in rows] == [0.8, 0.2]


def test_pycocotools_decodes_every_slice(axial: Exported, tmp_path: Path) -> None:
    api = pytest.importorskip("pycocotools.coco", reason="needs pycocotools (PyPI)")
    path = tmp_path / coco.COCO_FILE
    path.write_bytes(coco.export(axial.study)[coco.COCO_FILE])
    with contextlib.redirect_stdout(io.StringIO()):
        read = api.COCO(str(path))
    seen = np.zeros_like(axial.labels)
    for one in read.loadAnns(read.getAnnIds()):
        (image,) = read.loadImgs([one["image_id"]])
        mask = read.annToMask(one).astype(bool)
        left, top, width, height = one["bbox"]
        assert mask.sum() == one["area"] == mask[top : top + height, left : left + width].sum()
        assert mask.any(axis=0).sum() == width
        assert mask.any(axis=1).sum() == height
        seen[image["slice_index"]][mask] = one["finding_id"]
        assert one["score"] == axial.result.findings[one["finding_id"] - 1].nodule_probability
    np.testing.assert_array_equal(seen, axial.labels)


def test_run_lengths_of_a_mask_that_begins_with_one() -> None:
    mask = np.array([[1, 0], [1, 1]], bool)
    assert coco.run_lengths(mask) == [0, 2, 1, 1]


def test_fhir_resources_are_valid_and_hold_the_numbers(axial: Exported) -> None:
    r4 = pytest.importorskip("fhir.resources.R4B.bundle", reason="needs fhir.resources (PyPI)")
    text = fhir.export(axial.study)[fhir.FHIR_FILE].decode()
    bundle = r4.Bundle.model_validate_json(text)
    by_url = {entry.fullUrl: entry.resource for entry in bundle.entry}
    report = bundle.entry[0].resource
    observations = [by_url[reference.reference] for reference in report.result]
    assert len(observations) == len(axial.result.findings)
    for seen, finding in zip(observations, axial.result.findings, strict=True):
        values = {
            part.code.text: float(part.valueQuantity.value)
            for part in seen.component
            if part.valueQuantity
        }
        assert values["Certainty of Finding"] == round(100 * finding.nodule_probability, 3)
        assert values["Probability of cancer"] == round(100 * finding.malignancy_probability, 3)
        assert values["Long axis"] == round(finding.longest_diameter_mm, 3)
        assert values["Short axis"] == round(finding.perpendicular_diameter_mm, 3)
        assert values["Volume"] == round(finding.volume_mm3, 3)
        assert values["Attenuation Coefficient"] == round(finding.mean_hu, 3)
        assert seen.subject.identifier.value == PATIENT_ID
        assert by_url[seen.device.reference].version[0].value == axial.result.nodulus_version
    assert observations[0].bodySite.text == "Right Lower lobe of lung"
    imaging = by_url[report.imagingStudy[0].reference]
    assert imaging.identifier[0].value == f"urn:oid:{axial.result.study_uid}"
    assert str(imaging.started)[:10] == "2020-01-02"
    assert PATIENT_NAME not in text


@pytest.mark.parametrize("is_hidden", [False, True])
def test_fhir_is_r4_to_the_models_of_smart_on_fhir(tmp_path: Path, is_hidden: bool) -> None:
    made = Exported(tmp_path, "axial", deidentify=is_hidden)
    models = pytest.importorskip("fhirclient.models.bundle", reason="needs fhirclient (PyPI)")
    from fhirclient.models.fhirabstractbase import FHIRValidationError

    content = json.loads(fhir.export(made.study)[fhir.FHIR_FILE])
    kinds = [entry.resource.resource_type for entry in models.Bundle(content, strict=True).entry]
    assert kinds == ["DiagnosticReport", "Observation", "Observation", "Device", "ImagingStudy"]
    del content["entry"][0]["resource"]["status"]
    with pytest.raises(FHIRValidationError, match="status"):
        models.Bundle(content, strict=True)


@pytest.mark.parametrize("is_hidden", [False, True])
def test_fhir_is_valid_by_the_published_schema_of_r4(
    tmp_path: Path, r4_schema: dict[str, Any], is_hidden: bool
) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema (PyPI)")
    made = Exported(tmp_path, "axial", deidentify=is_hidden)
    content = json.loads(fhir.export(made.study)[fhir.FHIR_FILE])
    for resource in [content, *(entry["resource"] for entry in content["entry"])]:
        one = {**r4_schema, "oneOf": [{"$ref": f"#/definitions/{resource['resourceType']}"}]}
        validator = jsonschema.Draft6Validator(one)
        assert list(validator.iter_errors(resource)) == []
        assert not validator.is_valid({**resource, "of no standard": 1})


def test_fhir_of_a_deidentified_result_names_nobody(tmp_path: Path) -> None:
    hidden = Exported(tmp_path, "axial", deidentify=True)
    text = fhir.export(hidden.study)[fhir.FHIR_FILE].decode()
    assert PATIENT_ID not in text
    assert hidden.volume.study_uid not in text


def test_rows_of_the_table_are_the_findings(axial: Exported) -> None:
    text = findings_csv.export(axial.study)[findings_csv.CSV_FILE].decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["volume_mm3"]) for row in rows] == [
        f.volume_mm3 for f in axial.result.findings
    ]
    assert [row["laterality"] for row in rows] == ["right", ""]


@pytest.mark.parametrize("geometry", ["axial", "oblique slices", "multi-frame"])
def test_contours_of_the_structure_set_hold_the_masks(geometry: str, tmp_path: Path) -> None:
    made = Exported(tmp_path, geometry)
    path = tmp_path / rtstruct.RTSTRUCT_FILE
    path.write_bytes(rtstruct.export(made.study)[rtstruct.RTSTRUCT_FILE])
    validate(path)
    read = dcmread(path)
    assert read.PatientID == PATIENT_ID
    assert read.StudyInstanceUID == made.result.study_uid
    assert [roi.ROIName for roi in read.StructureSetROISequence] == ["Nodule 1", "Nodule 2"]
    positions = {
        (image.sop_instance_uid, image.frame_number): np.array(image.position_lps_mm)
        for image in made.volume.source_images
    }
    for roi in read.ROIContourSequence:
        seen = np.zeros(made.labels.shape, bool)
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            index = made.volume.geometry.lps_to_index(points)
            plane = round(float(index[0, 0]))
            np.testing.assert_allclose(index[:, 0], plane, atol=1e-3)
            (image,) = contour.ContourImageSequence
            frame = image.get("ReferencedFrameNumber")
            key = (image.ReferencedSOPInstanceUID, None if frame is None else int(frame))
            at = made.volume.geometry.lps_to_index(positions[key])
            np.testing.assert_allclose(at, [plane, 0, 0], atol=1e-3)
            pixels = np.argwhere(np.ones(made.labels.shape[1:], bool))
            seen[plane] |= points_in_poly(pixels, index[:, 1:]).reshape(made.labels.shape[1:])
        np.testing.assert_array_equal(seen, made.labels == roi.ReferencedROINumber)


@pytest.mark.parametrize("geometry", ["axial", "oblique slices"])
def test_plastimatch_makes_the_masks_of_the_structure_set(geometry: str, tmp_path: Path) -> None:
    made = Exported(tmp_path, geometry)
    path = tmp_path / rtstruct.RTSTRUCT_FILE
    path.write_bytes(rtstruct.export(made.study)[rtstruct.RTSTRUCT_FILE])
    masks = plastimatch_masks(path, tmp_path / "ct", tmp_path / "masks")
    assert sorted(masks) == ["Nodule 1", "Nodule 2"]
    for number, image in enumerate((masks["Nodule 1"], masks["Nodule 2"]), 1):
        index = np.argwhere(sitk.GetArrayFromImage(image) > 0)[:, ::-1]
        points = [image.TransformIndexToPhysicalPoint(i.tolist()) for i in index]
        np.testing.assert_allclose(in_order(np.array(points)), made.points(number), atol=1e-3)
