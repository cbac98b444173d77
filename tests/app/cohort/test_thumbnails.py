"""Pictures of the most suspicious findings on a cohort's page."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nodulus.app.cohort.cohort_page import write_page
from nodulus.app.cohort.thumbnails import SIDE, thumbnail, within_budget
from nodulus.app.result import Finding
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.pictures import finding_pictures
from nodulus.app.results.report import build_report
from nodulus.app.volume import CtVolume
from tests.app.cohort.test_tables import finding, output, result_of

__all__ = ["output"]  # a fixture


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """A report of two findings: a ball of air, and a bright one."""
    values: dict[str, Any] = {
        "malignancy_probability": 0.9, "longest_diameter_mm": 20.0, "suspicious": True,
    }  # fmt: skip
    shape = np.asarray(volume.hu.shape)
    places = [shape // 3, shape // 2]
    hu, labels = volume.hu.copy(), np.zeros(volume.hu.shape, np.uint8)
    steps = np.linalg.norm(volume.geometry.affine_lps[:3, :3], axis=0)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    found: list[Finding] = []
    for number, place in enumerate(places, start=1):
        ball = np.linalg.norm((grid - place) * steps, axis=-1) < 10
        hu[ball], labels[ball] = (-900, 300)[number - 1], number
        center = tuple(volume.geometry.affine_lps @ [*place, 1])[:3]
        found.append(finding(number, **values).model_copy(update={"center_lps_mm": center}))
    scan = replace(volume, hu=hu)
    boxes = [tuple(slice(max(1, p - 12), p + 13) for p in place) for place in places]
    pictures = [
        finding_pictures(scan, labels, box, one) for box, one in zip(boxes, found, strict=True)
    ]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(build_report(scan, labels, result_of(*found), pictures), encoding="utf-8")
    return path


def decoded(uri: str) -> Any:
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(content))).convert("RGB"), np.float64)


@pytest.mark.parametrize(("number", "bright"), [(1, False), (2, True)])
def test_a_finding_shows_in_the_middle_with_its_outline(
    report: Path, number: int, bright: bool
) -> None:
    uri = thumbnail(report, number)
    assert uri is not None
    assert len(uri) < 20_000
    picture = decoded(uri)
    assert picture.shape == (SIDE, SIDE, 3)
    middle = SIDE // 2
    near = picture[middle + 6 : middle + 14, middle + 6 : middle + 14]
    assert (near.mean() > 150) == bright
    colored = picture.max(axis=-1) - picture.min(axis=-1) > 60
    rows, columns = np.nonzero(colored)
    assert len(rows) > 20, "the outline is drawn"
    assert abs(rows.mean() - middle) < 8
    assert abs(columns.mean() - middle) < 8
    color = np.asarray(finding_rgb(number), np.float64)
    told = picture[colored].mean(axis=0)
    assert told.argmax() == color.argmax()


def test_what_is_no_report_has_no_picture(report: Path, tmp_path: Path) -> None:
    assert thumbnail(report, 3) is None
    assert thumbnail(tmp_path / "missing.html", 1) is None
    cut = tmp_path / "cut.html"
    text = report.read_text(encoding="utf-8")
    at = text.index("Axial close-up of nodule 1,")
    cut.write_text(text[: at - 4000] + text[at - 1000 :], encoding="utf-8")
    assert thumbnail(cut, 1) is None


def test_pictures_end_where_the_budget_does(report: Path) -> None:
    one = thumbnail(report, 1)
    assert one is not None
    found = within_budget([(report, 1)] * 4, budget=2 * len(one) + 10)
    assert found == [one, one, None, None]


def test_the_page_shows_the_most_suspicious(output: Path, report: Path) -> None:
    page = write_page(output).read_text(encoding="utf-8")
    assert "<img" not in page, "an empty report has no picture"
    (output / "two" / "report.html").write_bytes(report.read_bytes())
    page = write_page(output, deidentify=True).read_text(encoding="utf-8")
    (uri,) = re.findall(r'<img src="([^"]+)"', page)
    assert uri == thumbnail(report, 1)
    assert "img-src data:" in page
