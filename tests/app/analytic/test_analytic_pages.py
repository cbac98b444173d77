"""The figures in the report and in the PDF, and what both warn of."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from io import BytesIO

import numpy as np
import pypdfium2
import pytest
from pydicom import dcmread

from nodulus.app.chain import analyse
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import LOBES, Finding

from .chest_model import LEFT_LUNG, LESIONS, RIGHT_LUNG, Lesion
from .scans import PARTS
from .stand_ins import MODELS, SETTINGS
from .studies import Study, lesion_at
from .test_analytic_objects import meaning

TIMES = "\N{MULTIPLICATION SIGN}"


def words(html: str) -> str:
    plain = unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(plain.replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def mean_words(long: float, short: float) -> str:
    """Of both axes, each to 0.1 mm, rounded half up, as Lung-RADS has it."""
    tenths = [Decimal(v).quantize(Decimal("0.1"), ROUND_HALF_UP) for v in (long, short)]
    return str((sum(tenths) / 2).quantize(Decimal("0.1"), ROUND_HALF_UP))


def image_numbers(study: Study, found: Finding) -> list[int]:
    """The number of the image, or the frame, whose plane is nearest to a finding; of two that are
    equally near, both."""
    row, column = np.asarray(study.scan.orientation, float).reshape(2, 3)
    normal = np.cross(row, column)
    numbers = {}
    for image in study.images.values():
        if "NumberOfFrames" in image:
            for n, groups in enumerate(image.PerFrameFunctionalGroupsSequence, start=1):
                numbers[n] = groups.PlanePositionSequence[0].ImagePositionPatient
        else:
            numbers[int(image.InstanceNumber)] = image.ImagePositionPatient
    center = np.asarray(found.center_lps_mm)
    away = {n: abs((np.asarray(place, float) - center) @ normal) for n, place in numbers.items()}
    return [n for n, mm in away.items() if mm < min(away.values()) + 0.02]


def place(lesion: Lesion, found: Finding) -> str:
    """The side that the lesion lies in, and the lobes where not all of its are possible."""
    lobes = found.possible_lobes
    return f"{lesion.side} " + (
        "lung" if lobes == LOBES[found.laterality] else " or ".join(lobes) + " lobe"
    )


@pytest.mark.parametrize(
    "name", ["prone, slices reversed", pytest.param("multi-frame", marks=pytest.mark.slow)]
)
def test_the_reports_figures_are_the_chests(name: str, study_of: Callable[[str], Study]) -> None:
    study = study_of(name)
    page = study.made("report").decode()
    (table,) = re.findall(r'<table class="ranked">.*?</table>', page, flags=re.DOTALL)
    head = [words(h) for h in re.findall(r"<th scope=\"col\".*?</th>", table)]
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", table, flags=re.DOTALL)
    for found, row in zip(study.result.findings, rows, strict=True):
        lesion = lesion_at(found.center_lps_mm)
        cells = [words(c) for c in re.findall(r"<t[hd][ >].*?</t[hd]>", row, flags=re.DOTALL)]
        told = dict(zip(head, cells, strict=True))
        long, short = found.longest_diameter_mm, found.perpendicular_diameter_mm
        texture = {"solid": "Solid", "part-solid": "Part-solid", "ground-glass": "Ground glass"}
        wanted = {
            "No.": str(found.id),
            "Malignancy prob.": f"{100 * found.malignancy_probability:.0f} %",
            "Mark": "Suspicious" if found.suspicious else "",
            "Nodule prob.": f"{100 * found.nodule_probability:.0f} %",
            "Place": place(lesion, found).capitalize(),
            f"Long {TIMES} short axis, mm": f"{long:.1f} {TIMES} {short:.1f}",
            "Mean, mm": mean_words(long, short),
            "Volume, mm³": f"{found.volume_mm3:,.0f}",
            "Texture": texture[lesion.texture],
        }
        assert int(told.pop("Image")) in image_numbers(study, found)
        assert told == wanted
        (card,) = re.findall(
            rf'<section class="card" id="nodule-{found.id}".*?</section>', page, flags=re.DOTALL
        )
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", card, flags=re.DOTALL)
        said = {words(name): words(value) for name, value in pairs}
        assert said["Malignancy"] == f"{100 * found.malignancy_probability:.0f} %"
        assert said["Nodule probability"] == f"{100 * found.nodule_probability:.0f} %"
        assert said["Density"] == f"{found.mean_hu:.0f} ± {found.sd_hu:.0f} HU"
        assert said["Centre, LPS mm"] == ", ".join(f"{v:.1f}" for v in found.center_lps_mm)
        if found.texture == "part-solid":
            size, volume = found.solid_longest_diameter_mm, found.solid_volume_mm3
            assert said["Solid part"] == f"{size:.1f} mm, {volume:,.0f} mm³"
    summary = words(page)
    assert re.search(r"7 findings ?, 5 marked as suspicious \(10 candidates examined\)", summary)
    assert "Suspicious: a malignancy probability of 43 % or more" in summary
    assert "chosen on: malignancies here" in summary


def pdf_text(study: Study) -> str:
    made = dcmread(BytesIO(study.made("pdf", pdf=True)))
    pages = pypdfium2.PdfDocument(made.EncapsulatedDocument[: made.EncapsulatedDocumentLength])
    return " ".join(" ".join(p.get_textpage().get_text_range() for p in pages).split())


@pytest.mark.parametrize(
    "name", ["multi-frame", pytest.param("prone, slices reversed", marks=pytest.mark.slow)]
)
def test_the_pdfs_figures_are_the_chests(name: str, study_of: Callable[[str], Study]) -> None:
    study = study_of(name)
    text = pdf_text(study)
    for f in study.result.findings:
        lesion = lesion_at(f.center_lps_mm)
        mark = " suspicious" if f.suspicious else ""
        long, short = f.longest_diameter_mm, f.perpendicular_diameter_mm
        rows = [
            f"{f.id} {100 * f.malignancy_probability:.0f} %{mark}"
            f" {100 * f.nodule_probability:.0f} % {place(lesion, f)} {number}"
            f" {long:.1f} {TIMES} {short:.1f} {mean_words(long, short)} {f.volume_mm3:,.0f}"
            for number in image_numbers(study, f)
        ]
        assert any(row in text for row in rows)
        assert f"density {f.mean_hu:.0f} ± {f.sd_hu:.0f} HU" in text


@pytest.mark.parametrize("name", ["cut below", "cut above"])
def test_lungs_that_the_scan_cuts_are_warned_of(
    name: str, study_of: Callable[[str], Study]
) -> None:
    study = study_of(name)
    told = study.result.volume
    low, high = PARTS[name].ends_z
    lungs = (RIGHT_LUNG, LEFT_LUNG)
    at = low if name == "cut below" else high
    section = sum(lung.section_cm2(at) for lung in lungs)
    cut, whole = told.lung_cut_cm2 if name == "cut below" else told.lung_cut_cm2[::-1]
    assert cut == pytest.approx(section, rel=0.12)
    assert whole == 0
    assert told.emphysema_share is None
    assert told.emphysema_not_assessed == "the scan does not show all of the lungs"
    assert 0.2 < told.lung_share < 0.95  # these lungs are shorter than an adult's
    (warning,) = (w for w in study.result.warnings if w.code == "lungs-cut")
    end = "lower" if name == "cut below" else "upper"
    assert f"cut at the {end} end (through {cut:.0f} cm2)" in warning.message
    assert f"about {100 * told.lung_share:.0f} % of the lungs' volume" in warning.message
    assert f"{told.lung_volume_ml:,.0f} ml" in warning.message
    seen = {lesion_at(f.center_lps_mm).name for f in study.result.findings}
    assert seen == {o.name for o in LESIONS if low < o.form.center[2] < high}
    lobes = {study.of(o).lobe for o in LESIONS if o.name in seen}
    assert ("lower" if name == "cut below" else "upper") not in lobes
    # Everything that a reader opens says so.
    _, sr = study.seg_and_sr
    comments = [i.TextValue for i in sr.ContentSequence if meaning(i) == "Comment"]
    assert f"Warning: {warning.message}" in comments
    assert warning.message in words(study.made("report").decode())


@pytest.mark.slow
def test_lungs_that_one_end_cuts_are_analysed_though_they_are_small(
    study_of: Callable[[str], Study],
) -> None:
    pipeline = SETTINGS.pipeline.model_copy(update={"min_lung_volume_ml": 1e4})
    settings = SETTINGS.model_copy(update={"pipeline": pipeline})
    for name in PARTS:
        volume = study_of(name).volume
        if name.startswith("cut"):
            assert analyse(volume, MODELS, settings).findings
            continue
        with pytest.raises(NodulusError) as error:
            analyse(volume, MODELS, settings)
        assert error.value.code is ErrorCode.NO_LUNGS


def test_a_warning_of_the_reader_stands_everywhere(study_of: Callable[[str], Study]) -> None:
    study = study_of("slices missing")
    warnings = {w.code: w.message for w in study.result.warnings}
    assert "missing-slices-interpolated" in warnings
    assert warnings.items() >= {w.code: w.message for w in study.volume.warnings}.items()
    assert lesion_at(study.result.findings[0].center_lps_mm).name == "calcified"
    assert len(study.result.findings) == len(LESIONS)
    _, sr = study.seg_and_sr
    comments = [i.TextValue for i in sr.ContentSequence if meaning(i) == "Comment"]
    page, text = words(study.made("report").decode()), pdf_text(study)
    for message in warnings.values():
        assert f"Warning: {message}" in comments
        assert message in page
        assert f"Note: {message}" in text
    # No frame lies where no image is.
    affine, _ = study.scan.affine
    for mask in study.masks.values():
        assert not mask[list(study.scan.missing)].any()
    for lesion in LESIONS:
        found = study.of(lesion)
        np.testing.assert_allclose(found.center_lps_mm, lesion.form.center, atol=0.5)
        inside = np.argwhere(study.masks[found.id]) @ affine[:3, :3].T + affine[:3, 3]
        assert lesion.form.distance(inside).max() < 0.9
