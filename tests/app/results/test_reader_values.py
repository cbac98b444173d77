"""Every number that a reader sees stands in its own place: report, PDF, SR and SEG.

The findings differ from each other in every number, and within one no two numbers are alike, so
that a value in a neighbour's column, an axis with the other's ends or a reference to another image
cannot pass.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from pydicom import Dataset, dcmread
from scipy import ndimage

from nodulus.app.result import OperatingPoint, StudyResult
from nodulus.app.results import writers
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap, territories
from nodulus.app.results.read_labels import segment_frames, voxel_threshold
from nodulus.app.results.report import OPEN_CARDS
from nodulus.app.results.report_pdf import build_pdf
from nodulus.app.results.study_plan import StudyAnalysis, StudyPlan, plan
from nodulus.app.results.wording import texture_words
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

from .synthetic import SHAPE, SPACING_MM, result_for, write_multiframe, write_series


def mean_axis(long_mm: float, short_mm: float) -> str:
    """To a tenth, halves up, as the guidelines' tables round."""
    mean = (Decimal(str(long_mm)) + Decimal(str(short_mm))) / 2
    return str(mean.quantize(Decimal("0.1"), ROUND_HALF_UP))


def three_labels() -> np.ndarray:
    """Three boxes; two of them share slices, and the second touches the third's reach."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[7:12, 20:28, 30:38] = 1
    labels[10:13, 40:44, 10:14] = 2
    labels[15:18, 40:43, 17:22] = 3
    return labels


def told_apart(volume: CtVolume, labels: np.ndarray) -> StudyResult:
    """Findings with numbers that are all different."""
    result = result_for(volume, labels)
    findings = []
    for n, finding in enumerate(result.findings, start=1):
        x, y, z = finding.center_lps_mm
        findings.append(
            finding.model_copy(
                update={
                    "malignancy_probability": 0.91 - 0.2 * n,
                    "nodule_probability": 0.33 + 0.15 * n,
                    "longest_diameter_mm": 20.0 + n,
                    "perpendicular_diameter_mm": 10.0 + n / 2,
                    "longest_diameter_ends_lps_mm": ((x - 9, y, z), (x + 11, y + n, z)),
                    "perpendicular_diameter_ends_lps_mm": ((x, y - 5, z), (x + n, y + 4, z)),
                    "volume_mm3": 1000.0 + 111 * n,
                    "mean_hu": -100.0 - 31 * n,
                    "sd_hu": 40.0 + 7 * n,
                    "suspicious": n == 2,
                    "laterality": ("right", "left", "right")[n - 1],
                    "lobe": ("lower", None, "upper")[n - 1],
                    "texture": ("part-solid", "solid", "ground-glass")[n - 1],
                }
            )
        )
    return result.model_copy(update={"findings": tuple(findings)})


def study(volume: CtVolume, **options: Any) -> StudyPlan:
    labels = three_labels()
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    analysis = StudyAnalysis(
        labels, told_apart(volume, labels), (), ProbabilityMap(soft, volume.geometry)
    )
    return plan(volume, analysis, OutputOptions(**options))


class Tables(HTMLParser):
    """The cells of a page's tables, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_in = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._is_in = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_in = False

    def handle_data(self, data: str) -> None:
        if self._is_in:
            self.rows[-1][-1] = (self.rows[-1][-1] + data).strip()


def image_of(volume: CtVolume, z: float) -> int:
    """The synthetic series counts its images from the head."""
    index = round(float(volume.geometry.lps_to_index((0, 0, z))[0]))
    return SHAPE[0] - index


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


def groups_of(report: Dataset) -> list[Dataset]:
    """The measurement groups of a TID 1500 report."""
    (measurements,) = (
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    return list(measurements.ContentSequence)


def numbers_of(group: Dataset) -> dict[tuple[str, str], Dataset]:
    """By concept and derivation."""
    found = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            derivations = [
                part.ConceptCodeSequence[0].CodeMeaning
                for part in item.get("ContentSequence", [])
                if part.ConceptNameCodeSequence[0].CodeMeaning == "Derivation"
            ]
            found[item.ConceptNameCodeSequence[0].CodeMeaning, "".join(derivations)] = item
    return found


def value(item: Dataset) -> float:
    return float(item.MeasuredValueSequence[0].NumericValue)


@pytest.mark.parametrize("seg", [True, False])
def test_sr_has_each_number_under_its_own_concept(seg: bool, tmp_path: Path) -> None:
    planned = study(write_series(tmp_path), seg=seg)
    (content,) = writers.sr(planned).values()
    groups = groups_of(dcmread(BytesIO(content)))
    for group, f in zip(groups, planned.result.findings, strict=True):
        numbers = numbers_of(group)
        said = {name: value(item) for name, item in numbers.items()}
        expected = {
            ("Volume", ""): f.volume_mm3,
            ("Long axis", ""): f.longest_diameter_mm,
            ("Short axis", ""): f.perpendicular_diameter_mm,
            ("Attenuation Coefficient", "Mean"): f.mean_hu,
            ("Attenuation Coefficient", "Standard Deviation"): f.sd_hu,
            ("Certainty of Finding", ""): 100 * f.nodule_probability,
            ("Probability of cancer", ""): 100 * f.malignancy_probability,
        }
        for name, number in expected.items():
            assert said[name] == pytest.approx(number, abs=1e-3), name
        uids = [i.UID for i in group.ContentSequence if i.ValueType == "UIDREF"]
        assert f.tracking_uid in uids
        if seg:
            continue
        for name, ends in (
            ("Long axis", f.longest_diameter_ends_lps_mm),
            ("Short axis", f.perpendicular_diameter_ends_lps_mm),
        ):
            (line,) = (i for i in numbers[name, ""].ContentSequence if i.ValueType == "SCOORD3D")
            points = np.reshape(np.asarray(line.GraphicData, float), (2, 3))
            np.testing.assert_allclose(points, ends, atol=1e-3)


def source_references(group: Dataset) -> list[Dataset]:
    """References to source images, other than that to the segment."""
    return [
        item.ReferencedSOPSequence[0]
        for item in group.ContentSequence
        if item.ValueType == "IMAGE"
        and item.ConceptNameCodeSequence[0].CodeMeaning == "Source Image for Segmentation"
    ]


def test_each_group_refers_to_the_images_of_its_own_finding(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    planned = study(volume)
    (content,) = writers.sr(planned).values()
    (segmentation,) = writers.seg(planned).values()
    labels = three_labels()
    for group, f in zip(groups_of(dcmread(BytesIO(content))), planned.result.findings, strict=True):
        slices = np.unique(np.argwhere(labels == f.id)[:, 0])
        assert [r.ReferencedSOPInstanceUID for r in source_references(group)] == [
            volume.source_images[n].sop_instance_uid for n in slices
        ]
        (segment,) = (
            item.ReferencedSOPSequence[0]
            for item in group.ContentSequence
            if item.ValueType == "IMAGE"
            and "ReferencedSegmentNumber" in item.ReferencedSOPSequence[0]
        )
        assert segment.ReferencedSegmentNumber == f.id
        assert segment.ReferencedSOPInstanceUID == dcmread(BytesIO(segmentation)).SOPInstanceUID


def test_each_group_names_the_frames_of_its_own_finding_from_1(tmp_path: Path) -> None:
    planned = study(write_multiframe(tmp_path))
    (content,) = writers.sr(planned).values()
    frames_down = three_labels()[::-1]  # the file's frames run down
    for group, f in zip(groups_of(dcmread(BytesIO(content))), planned.result.findings, strict=True):
        (reference,) = source_references(group)
        held = 1 + np.unique(np.argwhere(frames_down == f.id)[:, 0])
        assert np.atleast_1d(reference.ReferencedFrameNumber).tolist() == held.tolist()


def test_a_fractional_segment_has_no_image_on_which_it_is_zero(tmp_path: Path) -> None:
    """Its reach is 5 mm: two slices beyond the mask on both sides, where nothing is probable."""
    volume, labels = write_series(tmp_path), three_labels()
    analysis = StudyAnalysis(
        labels,
        told_apart(volume, labels),
        (),
        ProbabilityMap((labels > 0).astype(np.float32), volume.geometry),
    )
    planned = plan(volume, analysis, OutputOptions(seg_type="fractional"))
    (content,) = writers.seg(planned).values()
    assert all(pixels.any() for pixels in dcmread(BytesIO(content)).pixel_array)
    (content,) = writers.sr(planned).values()
    for group, f in zip(groups_of(dcmread(BytesIO(content))), planned.result.findings, strict=True):
        slices = np.unique(np.argwhere(labels == f.id)[:, 0])
        assert [r.ReferencedSOPInstanceUID for r in source_references(group)] == [
            volume.source_images[n].sop_instance_uid for n in slices
        ]


def test_a_fractional_segment_that_is_cut_at_the_operating_point_is_the_binary_one(
    tmp_path: Path,
) -> None:
    """Though the outlines follow the density: the map is high beside them and low in them."""
    volume, labels = write_series(tmp_path), three_labels()
    values = np.where(labels == 1, 0.1, np.where(labels > 0, 0.9, 0.7)).astype(np.float32)
    point = OperatingPoint(name="segmentation_voxel", threshold=0.3, chosen_on="crops")
    result = told_apart(volume, labels).model_copy(update={"operating_points": (point,)})
    analysis = StudyAnalysis(labels, result, (), ProbabilityMap(values, volume.geometry))
    planned = plan(volume, analysis, OutputOptions(seg_type="fractional"))
    assert voxel_threshold(planned.result) == 0.3
    (content,) = writers.seg(planned).values()
    seg = dcmread(BytesIO(content))
    frames = list(segment_frames(seg, 0.3))
    assert sum(np.count_nonzero(frame.mask) for frame in frames) == np.count_nonzero(labels)
    assert {frame.number for frame in frames} == {1, 2, 3}
    assert np.count_nonzero(seg.pixel_array) > np.count_nonzero(labels)


def test_a_fractional_segment_reaches_five_millimetres_and_no_further() -> None:
    geometry = Geometry((1, 1, 20), np.diag([1.0, 1.0, 1.25, 1.0]))
    labels = np.zeros((1, 1, 20), np.uint8)
    labels[..., 8] = 3
    assert np.flatnonzero(territories(labels, geometry) == 3).tolist() == list(range(4, 13))


def test_a_mass_is_said_beside_its_texture(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    found = told_apart(volume, three_labels()).findings[1]
    assert [
        texture_words(found.model_copy(update={"kind": kind})) for kind in (None, "nodule", "mass")
    ] == ["Solid", "Solid", "Solid, mass"]


def test_every_object_is_an_instance_and_every_kind_a_series_of_its_own(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path), key_images=True, pdf=True)
    made = {
        name: [dcmread(BytesIO(content)) for content in writers.WRITERS[name](planned).values()]
        for name in ("seg", "sr", "key_objects", "key_images", "pdf")
    }
    every = [one for objects in made.values() for one in objects]
    assert len(every) == 4 + 3
    assert len({one.SOPInstanceUID for one in every}) == len(every)
    series = [{one.SeriesInstanceUID for one in objects} for objects in made.values()]
    assert all(len(own) == 1 for own in series)
    assert len(set.union(*series)) == len(series)
    assert len({one.StudyInstanceUID for one in every}) == 1
    images = [(one.InstanceNumber, one.ImageComments.split(".")[0]) for one in made["key_images"]]
    assert images == [(n, f"Nodule {n}") for n in (1, 2, 3)]


def test_the_image_library_describes_the_frames_of_a_multi_frame_file(tmp_path: Path) -> None:
    volume = write_multiframe(tmp_path)
    (content,) = writers.sr(study(volume)).values()

    def nested(item: Dataset) -> list[Dataset]:
        parts = list(item.get("ContentSequence", []))
        return parts + [inner for part in parts for inner in nested(part)]

    told = {
        i.ConceptNameCodeSequence[0].CodeMeaning: value(i)
        for i in nested(dcmread(BytesIO(content)))
        if i.ValueType == "NUM" and "Spacing" in i.ConceptNameCodeSequence[0].CodeMeaning
    }
    assert told["Horizontal Pixel Spacing"] == told["Vertical Pixel Spacing"] == SPACING_MM[1]


@pytest.mark.parametrize("kind", ["binary", "fractional"])
def test_each_segment_holds_its_own_voxels_and_no_other(kind: str, tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    planned = study(volume, seg_type=kind)
    (content,) = writers.seg(planned).values()
    made = dcmread(BytesIO(content))
    place = {image.sop_instance_uid: n for n, image in enumerate(volume.source_images)}
    labels = three_labels()
    held = np.zeros((3, *SHAPE), np.uint8)
    for groups, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        held[number - 1, place[source.ReferencedSOPInstanceUID]] = pixels
    assert (np.count_nonzero(held, axis=0) <= 1).all()  # no voxel is in two segments
    for number in (1, 2, 3):
        own = held[number - 1] > 0
        assert own[labels == number].all()
        assert not own[(labels > 0) & (labels != number)].any()
        if kind == "binary":
            np.testing.assert_array_equal(own, labels == number)
    tracked = [(s.SegmentNumber, s.SegmentLabel, s.TrackingUID) for s in made.SegmentSequence]
    assert tracked == [(f.id, f"Nodule {f.id}", f.tracking_uid) for f in planned.result.findings]
