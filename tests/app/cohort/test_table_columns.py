"""Each column of a cohort's tables holds its own value: no two values of a row are alike."""

from __future__ import annotations

from nodulus.app.cohort.ledger import Outcome
from nodulus.app.cohort.tables import FINDING_COLUMNS, STUDY_COLUMNS, FindingRow, StudyRow
from nodulus.app.result import Finding, ResultWarning, Sighting, StudyResult, VolumeInfo

LINE = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))


def finding(number: int, **values: object) -> Finding:
    return Finding(
        **{
            "id": number,
            "tracking_uid": f"2.25.{number}",
            "center_lps_mm": (11.5, -22.5, 33.5),
            "center_index_irc": (1.0, 2.0, 3.0),
            "nodule_probability": 0.61,
            "malignancy_probability": 0.42,
            "segmentation_probability": 0.93,
            "classifier_probability": 0.54,
            "longest_diameter_mm": 9.25,
            "perpendicular_diameter_mm": 7.75,
            "longest_diameter_ends_lps_mm": LINE,
            "perpendicular_diameter_ends_lps_mm": LINE,
            "equivalent_diameter_mm": 8.125,
            "volume_mm3": 281.5,
            "mean_hu": -51.5,
            "sd_hu": 12.25,
            "voxel_count": 100,
            "texture": "part-solid",
            "solid_share": 0.36,
            "calcified_share": 0.07,
            "kind": "mass",
            "laterality": "left",
            "possible_lobes": ("middle", "lower"),
            "suspicious": True,
            **values,
        }
    )


def result(*findings: Finding) -> StudyResult:
    rows = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    return StudyResult(
        nodulus_version="7.8.9",
        created="2025-01-31T12:34:56+00:00",
        study_uid="1.2",
        series_uid="1.2.3",
        volume=VolumeInfo(
            source_format="dicom",
            shape_irc=(91, 82, 73),
            spacing_irc_mm=(2.5, 0.75, 0.5),
            affine_lps=rows,
            lung_volume_ml=4321.0,
            right_lung_ml=2300.0,
            left_lung_ml=2021.0,
            lung_share=0.83,
            lung_cut_cm2=(12.0, 0.0),
            convolution_kernel="B70f",
            slice_thickness_mm=3.0,
            manufacturer="Maker",
        ),
        models=(),
        operating_points=(),
        findings=findings,
        warnings=(
            ResultWarning(code="thick-slices", message="One."),
            ResultWarning(code="sharp-kernel", message="Two."),
            ResultWarning(code="lungs-cut", message="Three."),
        ),
    )


def test_a_study() -> None:
    told = result(
        finding(1),
        finding(2, malignancy_probability=0.31, nodule_probability=0.97, suspicious=False),
        finding(3, malignancy_probability=0.2, longest_diameter_mm=21.5, suspicious=True),
    )
    outcome = Outcome(
        "item-1", "key-1", "done", code="a-code", message="words", folder="folder-1",
        findings=3, wall_s=13.5, cpu_s=24.5, peak_mib=345.0,
    )  # fmt: skip
    row = StudyRow(outcome, "given-1", told)
    assert {column.name: column.value(row) for column in STUDY_COLUMNS} == {
        "study": "key-1",
        "item": "item-1",
        "input": "given-1",
        "status": "done",
        "code": "a-code",
        "message": "words",
        "folder": "folder-1",
        "series_uid": "1.2.3",
        "findings": 3,
        "suspicious": 2,
        "highest_malignancy": 0.42,
        "highest_nodule": 0.97,
        "largest_diameter_mm": 21.5,
        # A result without guidance; with it: test_tables.py.
        "lung_rads": None,
        "nelson": None,
        "fleischner": None,
        "bts": None,
        "lung_volume_ml": 4321.0,
        "lung_share": 0.83,
        "kernel": "B70f",
        "slice_thickness_mm": 3.0,
        "slice_spacing_mm": 2.5,
        "slices": 91,
        "manufacturer": "Maker",
        "warnings": "thick-slices sharp-kernel lungs-cut",
        "wall_s": 13.5,
        "cpu_s": 24.5,
        "peak_mib": 345.0,
        "nodulus_version": "7.8.9",
        "created": "2025-01-31T12:34:56+00:00",
    }


def test_a_finding() -> None:
    row = FindingRow("folder-1", result(finding(1), finding(2)), finding(2))
    assert {column.name: column.value(row) for column in FINDING_COLUMNS} == {
        "folder": "folder-1",
        "series_uid": "1.2.3",
        "id": 2,
        "x_mm": 11.5,
        "y_mm": -22.5,
        "z_mm": 33.5,
        "nodule_probability": 0.61,
        "malignancy_probability": 0.42,
        "suspicious": True,
        "longest_diameter_mm": 9.25,
        "perpendicular_diameter_mm": 7.75,
        "volume_mm3": 281.5,
        "mean_hu": -51.5,
        "texture": "part-solid",
        "solid_share": 0.36,
        "calcified_share": 0.07,
        "kind": "mass",
        "laterality": "left",
        "lobe": None,
        "possible_lobes": "middle; lower",
        "seen_by": None,
        "outlined_by": None,
    }


def test_who_has_seen_a_finding() -> None:
    marks = tuple(
        Sighting(source=name, probability=None, center_lps_mm=(1, 2, 3)) for name in ("a", "b c")
    )
    seen = finding(1).model_copy(update={"seen_by": marks, "outlined_by": "grown"})
    row = FindingRow("folder-1", result(seen), seen)
    values = {column.name: column.value(row) for column in FINDING_COLUMNS}
    assert (values["seen_by"], values["outlined_by"]) == ("a; b c", "grown")
