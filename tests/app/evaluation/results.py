"""Results written by hand."""

from __future__ import annotations

from nodulus.app.result import CandidateRecord, Finding, OperatingPoint, StudyResult, VolumeInfo


def make_result(
    series_uid: str, marks: list[tuple[tuple[float, float, float], float, float]], threshold: float
) -> StudyResult:
    """A result with a candidate for each (centre, nodule probability, malignancy probability)."""
    kept = sorted((m for m in marks if m[1] >= threshold), key=lambda m: -m[2])
    findings = tuple(
        Finding(
            id=n,
            tracking_uid=f"2.25.{n}",
            center_lps_mm=center,
            center_index_irc=(0, 0, 0),
            nodule_probability=nodule,
            malignancy_probability=malignancy,
            segmentation_probability=0.9,
            longest_diameter_mm=8,
            perpendicular_diameter_mm=6,
            longest_diameter_ends_lps_mm=((0, 0, 0), (8, 0, 0)),
            perpendicular_diameter_ends_lps_mm=((4, -3, 0), (4, 3, 0)),
            equivalent_diameter_mm=7,
            volume_mm3=180,
            mean_hu=20,
            sd_hu=30,
            voxel_count=180,
            suspicious=False,
        )
        for n, (center, nodule, malignancy) in enumerate(kept, start=1)
    )
    candidates = tuple(
        CandidateRecord(
            center_lps_mm=center,
            volume_mm3=180,
            segmentation_probability=0.9,
            nodule_probability=nodule,
            kept=nodule >= threshold,
            finding_id=next((f.id for f in findings if f.center_lps_mm == center), None),
            reason="a test",
        )
        for center, nodule, _ in marks
    )
    names = ("segmentation_voxel", "segmentation_peak", "nodule", "malignancy")
    points = tuple(OperatingPoint(name=n, threshold=0.3, chosen_on="a test") for n in names)
    return StudyResult(
        nodulus_version="0",
        created="2024-01-01T00:00:00+00:00",
        study_uid=None,
        series_uid=series_uid,
        volume=VolumeInfo(
            source_format="mhd",
            shape_irc=(1, 1, 1),
            spacing_irc_mm=(1, 1, 1),
            affine_lps=((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
        ),
        models=(),
        operating_points=points,
        findings=findings,
        candidates=candidates,
    )
