"""Every number that a reader sees stands in its own place: report and PDF."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pydicom import dcmread

from nodulus.app.results import writers
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.report import OPEN_CARDS
from nodulus.app.results.report_pdf import build_pdf
from nodulus.app.results.study_plan import StudyAnalysis, plan

from .synthetic import SHAPE, result_for, write_series
from .three_findings import Tables, image_of, study


def mean_axis(long_mm: float, short_mm: float) -> str:
    """To a tenth, halves up, as the guidelines' tables round."""
    mean = (Decimal(str(long_mm)) + Decimal(str(short_mm))) / 2
    return str(mean.quantize(Decimal("0.1"), ROUND_HALF_UP))


def test_the_reports_table_has_each_number_in_its_own_column(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    planned = study(volume)
    (page,) = writers.report(planned).values()
    head, *rows = Tables(page.decode()).rows[:4]
    assert len(rows) == 3
    for row, f in zip(rows, planned.result.findings, strict=True):
        cells = {h.split(",")[0]: re.sub(r"\s+", " ", c) for h, c in zip(head, row, strict=True)}
        assert cells == {
            "No.": str(f.id),
            "Malignancy prob.": f"{100 * f.malignancy_probability:.0f} %",
            "Mark": "Suspicious" if f.id == 2 else "",
            "Nodule prob.": f"{100 * f.nodule_probability:.0f} %",
            "Place": ("Right lower lobe", "Left lung", "Right upper lobe")[f.id - 1],
            "Image": str(image_of(volume, f.center_lps_mm[2])),
            "Long \N{MULTIPLICATION SIGN} short axis": (
                f"{f.longest_diameter_mm:.1f} \N{MULTIPLICATION SIGN}"
                f" {f.perpendicular_diameter_mm:.1f}"
            ),
            "Mean": mean_axis(f.longest_diameter_mm, f.perpendicular_diameter_mm),
            "Volume": f"{f.volume_mm3:,.0f}",
            "Texture": ("Part-solid", "Solid", "Ground glass")[f.id - 1],
        }


def test_the_reports_cards_have_each_number_by_its_name(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path))
    (page,) = writers.report(planned).values()
    cards = page.decode().split('<section class="card"')[1:]
    for card, f in zip(cards, planned.result.findings, strict=True):
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", card, flags=re.DOTALL)
        said = {name: " ".join(re.sub(r"<[^>]+>", " ", value).split()) for name, value in pairs}
        assert said["Malignancy"] == f"{100 * f.malignancy_probability:.0f}&#8239;%"
        assert said["Nodule probability"] == f"{100 * f.nodule_probability:.0f}&#8239;%"
        assert said["Density"] == f"{f.mean_hu:.0f} &plusmn; {f.sd_hu:.0f} HU"
        assert said["Centre, LPS mm"] == ", ".join(f"{v:.1f}" for v in f.center_lps_mm)
        assert said["Volume"] == f"{f.volume_mm3:,.0f} mm&sup3;"


@pytest.mark.parametrize("writer", ["report", "summary"])
def test_the_lines_to_be_copied_have_each_number_in_its_place(writer: str, tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    planned = study(volume, summary=True)
    (content,) = writers.WRITERS[writer](planned).values()
    text = unescape(content.decode())
    places = ("Right lower lobe, Part-solid", "Left lung, Solid", "Right upper lobe, Ground glass")
    for f, place in zip(planned.result.findings, places, strict=True):
        long, short = f.longest_diameter_mm, f.perpendicular_diameter_mm
        line = (
            f"{f.id}. {place}, {long:.1f} x {short:.1f} mm (mean {mean_axis(long, short)} mm),"
            f" {f.volume_mm3:.0f} mm3, malignancy {100 * f.malignancy_probability:.0f} %,"
            f" image {image_of(volume, f.center_lps_mm[2])}{', suspicious' if f.id == 2 else ''}\n"
        )
        assert line in text


def test_a_long_list_stays_short_to_look_at(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    labels = np.zeros(SHAPE, np.uint8)
    for number in range(30):
        labels[2 + number // 2, 5 + 25 * (number % 2), 30] = number + 1
    result = result_for(volume, labels)
    marked = tuple(f.model_copy(update={"suspicious": f.id == 9}) for f in result.findings)
    for suspicious, shown in ((result.findings, OPEN_CARDS), (marked, 9)):
        several = result.model_copy(update={"findings": suspicious})
        (page,) = writers.report(plan(volume, StudyAnalysis(labels, several), OutputOptions())
        ).values()  # fmt: skip
        opened, folded = page.decode().split('<details class="more">')
        assert opened.count('<section class="card"') == shown
        assert folded.count('<section class="card"') == 30 - shown
        assert f"{30 - shown} more findings, none marked as suspicious" in folded
        assert len(Tables(opened).rows) == 31


def test_the_pdfs_table_has_each_number_in_its_own_column(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    planned = study(volume, pdf=True)
    (content,) = writers.pdf(planned).values()
    made = dcmread(BytesIO(content))
    pages = pypdfium2.PdfDocument(made.EncapsulatedDocument[: made.EncapsulatedDocumentLength])
    text = " ".join(" ".join(p.get_textpage().get_text_range() for p in pages).split())
    for f in planned.result.findings:
        place = ("right lower lobe", "left lung", "right upper lobe")[f.id - 1]
        image = image_of(volume, f.center_lps_mm[2])
        mark = " suspicious" if f.id == 2 else ""
        long, short = f.longest_diameter_mm, f.perpendicular_diameter_mm
        axes = f"{long:.1f} \N{MULTIPLICATION SIGN} {short:.1f}"
        mean = mean_axis(long, short)
        row = (
            f"{f.id} {100 * f.malignancy_probability:.0f} %{mark}"
            f" {100 * f.nodule_probability:.0f} % {place} {image} {axes} {mean}"
            f" {f.volume_mm3:,.0f}"
        )
        assert row in text
        assert f"density {f.mean_hu:.0f} \N{PLUS-MINUS SIGN} {f.sd_hu:.0f} HU" in text
        assert f"image {image} of series 3" in text
    assert "Lung window: centre -600, width 1500 HU" in text


def test_the_pdf_shows_each_finding_in_its_own_pictures(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path), pdf=True)
    (content,) = writers.pdf(planned).values()
    made = dcmread(BytesIO(content))
    document = pypdfium2.PdfDocument(made.EncapsulatedDocument[: made.EncapsulatedDocumentLength])
    shown = [
        one.get_bitmap().to_numpy()[..., :3][..., ::-1].astype(int)  # blue comes first
        for page in document
        for one in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
    ]
    findings, pictures = planned.result.findings, planned.pictures()
    assert len(shown) == sum(map(len, pictures))
    for number, finding in enumerate(findings):
        for image, picture in zip(
            shown[4 * number : 4 * number + 4], pictures[number], strict=True
        ):
            expected = picture.flat()
            expected.thumbnail((400, 400))
            assert np.abs(image - np.asarray(expected, int)).mean() < 2
            rgb = np.array(finding_rgb(finding.id))
            assert (np.abs(image - rgb).max(axis=-1) < 25).sum() > 20


def test_the_pdf_says_rows_before_columns(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path))
    told = planned.result.volume.model_copy(
        update={"shape_irc": (97, 480, 512), "spacing_irc_mm": (2.5, 0.71, 0.83)}
    )
    result = planned.result.model_copy(update={"volume": told, "findings": ()})
    pages = pypdfium2.PdfDocument(build_pdf(result, [], [], None))
    text = " ".join(" ".join(p.get_textpage().get_text_range() for p in pages).split())
    times = "\N{MULTIPLICATION SIGN}"
    assert f"97 slices of 480 {times} 512; slice distance 2.50 mm" in text
    assert f"pixels 0.71 {times} 0.83 mm" in text
