"""Scans with known lesions: which were found, as what, and how well outlined."""

from __future__ import annotations

import pytest

from nodulus.app.evaluation.scans.lesion_outlines import LesionOutline
from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown, lesion_rows, match_known
from nodulus.app.evaluation.scans.run_scans import ScanResult
from nodulus.app.evaluation.scans.scan_report import scan_report, scan_rows
from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.app.result import StudyResult
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result

MASS, SMALL = (0.0, 0.0, 0.0), (100.0, 0.0, 0.0)
LESIONS = [Nodule("1", MASS, 60.0, label=1), Nodule("1", SMALL, 8.0), Nodule("2", MASS, 12.0)]


def sized(result: StudyResult, diameters_mm: list[float]) -> StudyResult:
    findings = tuple(
        f.model_copy(update={"equivalent_diameter_mm": d})
        for f, d in zip(result.findings, diameters_mm, strict=True)
    )
    return result.model_copy(update={"findings": findings})


def scan(
    uid: str,
    marks: list[tuple[tuple[float, float, float], float, float]],
    diameters_mm: list[float],
    facts: ScanRow | None = None,
    outlines: tuple[LesionOutline, ...] = (),
) -> ScanOfKnown:
    result = sized(make_result(uid, marks, 0.5), diameters_mm)
    own = facts or ScanRow(uid, uid)
    return match_known(ScanResult(result, outlines, was_kept=False), own, LESIONS)


def outline(dice: float) -> LesionOutline:
    return LesionOutline(
        label=1,
        center_lps_mm=(0.0, 0.0, 0.0),
        finding_id=1,
        dice=dice,
        mean_surface_distance_mm=1.0,
        true_volume_mm3=100.0,
        relative_volume_error=-0.2,
    )


def test_a_mass_in_one_finding_of_half_its_diameter() -> None:
    found = scan("1", [((5.0, 0, 0), 0.9, 0.9)], [31.0])
    mass, small = lesion_rows([found])
    assert mass.is_mass
    assert mass.is_one_finding
    assert (mass.findings, mass.finding_id, mass.probability) == (1, 1, 0.9)
    assert (small.findings, small.finding_id, small.seen) == (0, None, False)


@pytest.mark.parametrize(
    ("marks", "diameters_mm"),
    [
        ([((5.0, 0, 0), 0.9, 0.9)], [29.0]),  # too small
        ([((5.0, 0, 0), 0.9, 0.9), ((0, 25.0, 0), 0.8, 0.5)], [31.0, 9.0]),  # and a fragment
    ],
)
def test_a_mass_that_is_not_one_finding(
    marks: list[tuple[tuple[float, float, float], float, float]], diameters_mm: list[float]
) -> None:
    mass, _ = lesion_rows([scan("1", marks, diameters_mm)])
    assert not mass.is_one_finding


def test_complete_and_partly_marked_scans_are_counted_apart() -> None:
    whole = scan("1", [(MASS, 0.9, 0.9), ((0, 200, 0), 0.8, 0.1), (SMALL, 0.2, 0.2)], [40, 5])
    part = scan(
        "2",
        [((0, 90.0, 0), 0.7, 0.2), ((0, 150.0, 0), 0.6, 0.1)],
        [4, 4],
        ScanRow("2", "P", is_complete=False),
    )
    report = scan_report([whole, part])
    assert report["complete"]["other_marks_per_scan"] == 1.0
    assert report["partly_marked"]["other_marks_per_scan"] == 2.0
    # The small one is seen at a lower probability than the one other mark.
    assert report["complete"]["froc"]["found"]["0.5"] == pytest.approx(1.0)
    assert report["complete"]["froc"]["found"]["1"] == pytest.approx(2.0)
    assert report["partly_marked"]["froc"]["found"]["8"] == 0.0
    sizes = {row["group"]: row for row in report["sizes"]}
    assert (sizes["6 to 10 mm"]["seen"], sizes["6 to 10 mm"]["found"]) == (1, 0)
    assert (sizes["up to 40 mm"]["lesions"], sizes["up to 40 mm"]["found"]) == (2, 0)
    assert (sizes["40 mm and above"]["found"], sizes["40 mm and above"]["one_finding"]) == (1, 1)
    assert sizes["all"]["sensitivity"]["value"] == pytest.approx(1 / 3)
    (mass,) = report["masses"]
    assert (mass["rank"], mass["findings"], mass["one_finding"]) == (1, 1, True)
    rows = scan_rows([whole, part])
    assert [row["other_marks"] for row in rows] == [1, 2]
    assert [row["marked"] for row in rows] == ["complete", "partly"]


def test_outlines_are_summed_up_over_what_was_drawn() -> None:
    report = scan_report([scan("1", [(MASS, 0.9, 0.9)], [50.0], outlines=(outline(0.8),))])
    assert report["outlines"]["lesions"] == 1
    assert report["outlines"]["mean_dice"] == pytest.approx(0.8)
    assert report["outlines"]["median_relative_volume_error"] == pytest.approx(-0.2)
    assert scan_report([scan("1", [], [])])["outlines"] is None
