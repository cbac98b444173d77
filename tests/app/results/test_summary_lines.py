"""The summary for a report system, word by word."""

from __future__ import annotations

from nodulus.app.result import Finding, ResultWarning, StudyResult, VolumeInfo
from nodulus.app.results.summary_lines import MOST_FINDINGS, summary_lines
from nodulus.app.results.texts import Texts

LINE = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))


def finding(number: int, **values: object) -> Finding:
    return Finding(
        **{
            "id": number,
            "tracking_uid": f"2.25.{number}",
            "center_lps_mm": (1.0, 2.0, 3.0),
            "center_index_irc": (1.0, 2.0, 3.0),
            "nodule_probability": 0.61,
            "malignancy_probability": 0.5 - number / 100,
            "segmentation_probability": 0.93,
            "longest_diameter_mm": 20.25 + number,
            "perpendicular_diameter_mm": 10.5 + number,
            "longest_diameter_ends_lps_mm": LINE,
            "perpendicular_diameter_ends_lps_mm": LINE,
            "equivalent_diameter_mm": 8.0,
            "volume_mm3": 1280.0 + number,
            "mean_hu": -50.0,
            "sd_hu": 12.0,
            "voxel_count": 100,
            "suspicious": False,
            **values,
        }
    )


def lines_of(*findings: Finding, images: list[int | None]) -> list[str]:
    rows = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    result = StudyResult(
        nodulus_version="7.8.9",
        created="2025-01-31T12:34:56+00:00",
        study_uid="1.2",
        series_uid="1.2.3",
        volume=VolumeInfo(
            source_format="dicom", shape_irc=(9, 8, 7), spacing_irc_mm=(2, 1, 1), affine_lps=rows
        ),
        models=(),
        operating_points=(),
        findings=findings,
        warnings=(
            ResultWarning(code="thick-slices", message="Slices are thick."),
            ResultWarning(code="lungs-cut", message="Lungs are cut."),
        ),
    )
    return summary_lines(result, images, Texts())


FIRST = (
    "1. Left lower lobe, Part-solid, 21.2 x 11.5 mm (mean 16.4 mm), 1281 mm3,"
    " malignancy 49 %, image 57, suspicious"
)


def test_each_number_has_its_place() -> None:
    first = finding(1, laterality="left", lobe="lower", texture="part-solid", suspicious=True)
    told = lines_of(first, finding(2, kind="mass", texture="solid"), images=[57, None])
    assert told[:4] == [
        "Lung nodules in chest CT",
        "2 findings, 1 marked as suspicious",
        FIRST,
        "2. side unknown, Solid, mass, 22.2 x 12.5 mm (mean 17.4 mm), 1282 mm3, malignancy 48 %",
    ]
    assert told[-4:-2] == ["Slices are thick.", "Lungs are cut."]
    assert told[-1] == "Nodulus 7.8.9"


def test_of_a_long_list_every_suspicious_finding_has_its_line() -> None:
    count = MOST_FINDINGS + 5
    findings = [finding(n, suspicious=n in (2, count - 1)) for n in range(1, count + 1)]
    told = lines_of(*findings, images=[100 + n for n in range(1, count + 1)])
    own = [line for line in told if line.partition(".")[0].isdigit()]
    assert [int(line.partition(".")[0]) for line in own] == [*range(1, 11), count - 1]
    assert own[-1].endswith(f"image {100 + count - 1}, suspicious")
    assert "and 4 more" in told
    assert told[1] == f"{count} findings, 2 marked as suspicious"
