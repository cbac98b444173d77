"""Occlusion maps over the pictures lie where they belong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.explanation import Sensitivity
from nodulus.app.result import Explanation
from nodulus.app.results import writers
from nodulus.app.results.label_boxes import boxes_by_label
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.pictures import close_up_frames, close_up_outlines
from nodulus.app.results.sensitivity_pictures import sensitivity_pictures
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

from .synthetic import result_for, two_labels, write_series

OFFSET_MM = np.array([9.0, -6.0, 8.0])


def planted(center_lps_mm) -> tuple[Sensitivity, Explanation]:
    """A fall at one place beside a finding, a rise opposite, on a grid of odd axes."""
    affine = np.zeros((4, 4))
    affine[:3, :3] = np.array([[0, 0, -1.0], [1.0, 0, 0], [0, -1.0, 0]])
    affine[:3, 3] = np.asarray(center_lps_mm) - affine[:3, :3] @ (24, 24, 24)
    affine[3, 3] = 1
    geometry = Geometry((48, 48, 48), affine)
    points = geometry.index_to_lps(np.stack(np.indices(geometry.shape_irc), -1))
    place = np.asarray(center_lps_mm) + OFFSET_MM
    opposite = np.asarray(center_lps_mm) - OFFSET_MM
    fall = np.zeros(geometry.shape_irc, np.float32)
    fall[np.linalg.norm(points - place, axis=-1) < 5] = 0.4
    fall[np.linalg.norm(points - opposite, axis=-1) < 5] = -0.2
    summary = Explanation(
        classifier="malignancy",
        probability=0.8,
        largest_fall=0.4,
        largest_fall_lps_mm=tuple(place),
        share_at_nodule=0.25,
        volume_share_at_nodule=0.05,
        cover_mm=12.0,
        cover_hu=-850.0,
    )
    return Sensitivity(1, "malignancy", 0.8, fall, geometry, (12.0,) * 3, -850.0), summary


def test_the_overlay_lies_on_the_place_in_every_plane(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    finding = result_for(volume, labels).findings[0]
    sensitivity, summary = planted(finding.center_lps_mm)
    at_place = finding.model_copy(update={"center_lps_mm": summary.largest_fall_lps_mm})
    for shown, sign in ((at_place, 1), (_mirrored(finding, at_place), -1)):
        frames = close_up_frames(shown)
        outlines = close_up_outlines(volume, labels, boxes_by_label(labels)[1], finding)
        pictures = sensitivity_pictures(volume, sensitivity, summary, frames, outlines)
        assert [p.caption for p in pictures] == ["Axial", "Coronal", "Sagittal"]
        for picture, frame in zip(pictures, frames.values(), strict=True):
            red, blue = (np.asarray(picture.base)[..., n].astype(int) for n in (0, 2))
            y, x = np.nonzero(sign * (red - blue) > 40)
            middle = (frame.height - 1) / 2
            assert np.mean(x) == pytest.approx(middle, abs=3)
            assert np.mean(y) == pytest.approx(middle, abs=3)
            radius_mm = np.sqrt(len(x) / np.pi) * frame.pixel_mm
            assert radius_mm == pytest.approx(5.0, abs=0.8)


def _mirrored(finding, at_place):
    center = 2 * np.array(finding.center_lps_mm) - at_place.center_lps_mm
    return finding.model_copy(update={"center_lps_mm": tuple(center)})


def page(analysis: StudyAnalysis, volume: CtVolume) -> str:
    (report,) = writers.report(plan(volume, analysis, OutputOptions())).values()
    return report.decode()


def test_the_report_says_in_words_what_the_colours_mean(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    result = result_for(volume, labels)
    sensitivity, summary = planted(result.findings[0].center_lps_mm)
    first = result.findings[0].model_copy(update={"explanations": (summary,)})
    result = result.model_copy(update={"findings": (first, *result.findings[1:])})
    html = page(StudyAnalysis(labels, result, (sensitivity,)), volume)
    text = re.sub(r"<[^>]+>|\s+", " ", html)
    assert "What the malignancy classifier&#39;s answer rests on" in text
    assert re.search(r"Largest fall: 40 percentage points, at the ring, (in|out)side", text)
    assert "cube of 12 mm" in text
    assert "Largest rise: 20 points" in text
    assert html.count("rests on") == 1
    assert "rests on" not in page(StudyAnalysis(labels, result_for(volume, labels)), volume)


def test_each_classifier_of_each_finding_has_its_own_pictures(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    result = result_for(volume, labels)
    findings, sensitivities = [], []
    for finding in result.findings:
        one, summary = planted(finding.center_lps_mm)
        explained = []
        for n, name in enumerate(("nodule", "malignancy"), start=2 * finding.id):
            sensitivities.append(
                replace(one, finding_id=finding.id, classifier=name, fall=one.fall * n / 10)
            )
            explained.append(summary.model_copy(update={"classifier": name}))
        findings.append(finding.model_copy(update={"explanations": tuple(explained)}))
    result = result.model_copy(update={"findings": tuple(findings)})
    text = re.sub(
        r"<[^>]+>|\s+", " ", page(StudyAnalysis(labels, result, tuple(sensitivities)), volume)
    )
    heads = re.findall(r"What the (nodule|malignancy) classifier&#39;s answer rests on", text)
    assert heads == ["nodule", "malignancy"] * 2
    # 20 points times n / 10
    assert re.findall(r"Largest rise: (\d+) points", text) == ["4", "6", "8", "10"]
