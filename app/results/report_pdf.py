"""The report as PDF pages, by ReportLab: no browser, no network, fonts embedded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.dicom_seg import segment_label
from nodulus.app.results.guideline_rows import guideline_rows
from nodulus.app.results.image_numbers import image_words
from nodulus.app.results.pictures import WINDOW_CENTER_HU, WINDOW_WIDTH_HU, Picture
from nodulus.app.results.wording import place_words, texture_words

_REGULAR, _BOLD = "Vera", "VeraBd"
_MARGIN, _PADDING = 18 * mm, 6
_WIDTH = A4[0] - 2 * (_MARGIN + _PADDING)
_PICTURES_WIDTH = 0.86 * _WIDTH  # so that four findings fit on a page
_SOFT = colors.HexColor("#56636f")
_LINE = colors.HexColor("#d9dfe4")
_TEXT = ParagraphStyle("text", fontName=_REGULAR, fontSize=8.5, leading=12)
_SMALL = ParagraphStyle("small", _TEXT, fontSize=7, leading=9.5, textColor=_SOFT)
_TITLE = ParagraphStyle("title", _TEXT, fontName=_BOLD, fontSize=16, leading=20, spaceAfter=2)
_HEAD = ParagraphStyle("head", _TEXT, fontName=_BOLD, fontSize=10.5, leading=14, spaceBefore=10)
_PICTURE_PIXELS = 400  # more than 200 a printed inch
_DASH = "\N{EN DASH}"
_GUIDELINES = (
    "Published tables, applied as if each finding were a nodule. A reader decides. This is not the"
    " networks' estimate."
)
_WINDOW = (
    f"Lung window: centre {WINDOW_CENTER_HU:.0f}, width {WINDOW_WIDTH_HU:.0f} HU. Image is the"
    " number of the nearest source image. The malignancy probability holds if it is a nodule at"
    " all; how likely that is says the nodule probability."
)


def build_pdf(
    result: StudyResult,
    pictures: Sequence[Sequence[Picture]],
    images: Sequence[int | None],
    series_number: int | None,
) -> bytes:
    """Render the report.

    No UID and no attribute of the patient is on the pages: who it is about is said by the header
    of the DICOM object that holds them. The same result gives the same bytes.

    Args:
        result: the study's result.
        pictures: of each finding, in the order of ``result.findings``.
        images: the number of the source image nearest to each of them.
        series_number: of the source.

    Returns:
        The PDF file, A4.
    """
    for name in (_REGULAR, _BOLD):
        path = Path(reportlab.__file__).with_name("fonts") / f"{name}.ttf"
        pdfmetrics.registerFont(TTFont(name, str(path)))
    stream = io.BytesIO()
    document = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
        title="Lung nodules in chest CT",
        author="Nodulus",
        subject=result.disclaimer,
        invariant=True,
    )
    story = [*_opening(result), *_guidelines(result), *_overview(result, images)]
    for finding, own, image in zip(result.findings, pictures, images, strict=True):
        story.append(KeepTogether(_finding(finding, own, image_words(image, series_number))))
    if result.findings:
        story.append(_paragraph(_WINDOW, _SMALL))
    footer = partial(_footer, result)
    document.build([*story, *_models(result)], onFirstPage=footer, onLaterPages=footer)
    return stream.getvalue()


def _footer(result: StudyResult, canvas: Canvas, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(_REGULAR, 7)
    canvas.setFillColor(_SOFT)
    text = f"Nodulus {result.nodulus_version}. {result.disclaimer} Unverified."
    canvas.drawString(_MARGIN + _PADDING, 12 * mm, text)
    canvas.drawRightString(A4[0] - _MARGIN - _PADDING, 12 * mm, f"Page {document.page}")
    canvas.restoreState()


def _opening(result: StudyResult) -> list[Any]:
    volume = result.volume
    slices, rows, columns = volume.shape_irc
    between, down, across = volume.spacing_irc_mm
    facts = [
        f"{slices} slices of {rows} \N{MULTIPLICATION SIGN} {columns}",
        f"slice distance {between:.2f} mm",
        f"pixels {down:.2f} \N{MULTIPLICATION SIGN} {across:.2f} mm",
        f"kernel {volume.convolution_kernel}" if volume.convolution_kernel else "",
        volume.manufacturer or "",
    ]
    count, marked = len(result.findings), sum(f.suspicious for f in result.findings)
    said = (
        f"{count} finding{'' if count == 1 else 's'}, {marked or 'none'} marked as suspicious."
        if count
        else "No nodule was found. This does not prove that there is none."
    )
    return [
        Paragraph("Lung nodules in chest CT", _TITLE),
        _paragraph(result.disclaimer, _SMALL),
        Spacer(1, 3 * mm),
        _paragraph(said, ParagraphStyle("said", _TEXT, fontName=_BOLD, fontSize=11, leading=15)),
        *(_paragraph(f"Note: {warning.message}") for warning in result.warnings),
        _paragraph("; ".join(filter(None, facts)) + f". Analysed {result.created}.", _SMALL),
    ]


def _guidelines(result: StudyResult) -> list[Any]:
    """What guidelines ask for of the study; nothing where none was asked."""
    rows = guideline_rows(result.guidance)
    if not rows:
        return []
    head = ("Guideline", "Category", "It advises", "Rests on")
    widths = [30 * mm, 48 * mm, _WIDTH - 100 * mm, 22 * mm]
    return [
        Paragraph("What guidelines advise", _HEAD),
        _paragraph(_GUIDELINES, _SMALL),
        _table([head, *rows], widths),
    ]


def _overview(result: StudyResult, images: Sequence[int | None]) -> list[Any]:
    if not result.findings:
        return []
    head = ("No.", "Malignancy", "Nodule", "Place", "Image", "Long, short axis, mm", "Mean, mm",
            "Volume, mm\N{SUPERSCRIPT THREE}", "Texture")  # fmt: skip
    rows = [
        (
            str(f.id),
            f"{100 * f.malignancy_probability:.0f} %{' suspicious' if f.suspicious else ''}",
            f"{100 * f.nodule_probability:.0f} %",
            place_words(f) or _DASH,
            _DASH if image is None else str(image),
            _axes(f),
            f"{mean_diameter_mm(f.longest_diameter_mm, f.perpendicular_diameter_mm):.1f}",
            f"{f.volume_mm3:,.0f}",
            texture_words(f),
        )
        for f, image in zip(result.findings, images, strict=True)
    ]
    widths = [8, 29, 14, 29, 14, 25, 14, 17, 20]
    table = _table([head, *rows], [width * mm for width in widths])
    return [Paragraph("Ranked by malignancy", _HEAD), table]


def _finding(finding: Finding, pictures: Sequence[Picture], where: str) -> list[Any]:
    color = "#{:02x}{:02x}{:02x}".format(*finding_rgb(finding.id))
    space = 2 * "\N{NO-BREAK SPACE}"
    mark = f'<font backColor="{color}">{space}</font> '
    place = place_words(finding)
    title = segment_label(finding) + (f", {place}" if place else "")
    facts = [
        f"Malignancy {100 * finding.malignancy_probability:.0f} %",
        f"nodule {100 * finding.nodule_probability:.0f} %",
        f"axes {_axes(finding)} mm",
        f"volume {finding.volume_mm3:,.0f} mm\N{SUPERSCRIPT THREE}",
        f"density {finding.mean_hu:.0f} \N{PLUS-MINUS SIGN} {finding.sd_hu:.0f} HU",
        "centre " + ", ".join(f"{value:.1f}" for value in finding.center_lps_mm) + " mm LPS",
        where,
        "suspicious" if finding.suspicious else "",
    ]
    side = _PICTURES_WIDTH / len(pictures) - 2 * mm
    images = [_image(picture, side) for picture in pictures]
    captions = [_paragraph(picture.caption, _SMALL) for picture in pictures]
    widths = [_PICTURES_WIDTH / len(pictures)] * len(pictures)
    sheet = Table([images, captions], colWidths=widths, hAlign="LEFT")
    sheet.setStyle(
        TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    )
    return [
        Paragraph(mark + title, _HEAD),
        _paragraph("; ".join(filter(None, facts)) + "."),
        Spacer(1, 1 * mm),
        sheet,
    ]


def _image(picture: Picture, side: float) -> Image:
    stream = io.BytesIO()
    flat = picture.flat()
    flat.thumbnail((_PICTURE_PIXELS, _PICTURE_PIXELS))
    flat.save(stream, format="PNG")
    scale = side / max(flat.size)
    stream.seek(0)
    return Image(stream, width=flat.width * scale, height=flat.height * scale)


def _models(result: StudyResult) -> list[Any]:
    models = [("Model", "Version", "Trained on", "SHA-256 of the weights")]
    models += [(m.name, m.version, m.trained_on, m.sha256[:16]) for m in result.models]
    points = [("Operating point", "Threshold", "Chosen on")]
    points += [(p.name, f"{p.threshold:.3f}", p.chosen_on) for p in result.operating_points]
    return [
        Paragraph("How this was found", _HEAD),
        _table(models, [30 * mm, 20 * mm, _WIDTH - 84 * mm, 34 * mm]),
        Spacer(1, 3 * mm),
        _table(points, [40 * mm, 20 * mm, _WIDTH - 60 * mm]),
    ]


def _axes(finding: Finding) -> str:
    return (
        f"{finding.longest_diameter_mm:.1f} \N{MULTIPLICATION SIGN}"
        f" {finding.perpendicular_diameter_mm:.1f}"
    )


def _table(rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Table:
    cells = [
        [_paragraph(cell, _SMALL if number == 0 else _CELL) for cell in row]
        for number, row in enumerate(rows)
    ]
    table = Table(cells, colWidths=list(widths), repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle([
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ])
    )  # fmt: skip
    return table


_CELL = ParagraphStyle("cell", _TEXT, fontSize=7.5, leading=9.5)


def _paragraph(text: str, style: ParagraphStyle = _TEXT) -> Paragraph:
    return Paragraph(escape(text), style)
