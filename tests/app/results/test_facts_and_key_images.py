"""The facts of report and PDF, and which picture and which image stand for a finding."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from highdicom.color import CIELabColor
from pydicom import dcmread
from scipy import ndimage

from nodulus.app.result import Characteristic
from nodulus.app.results import codes, writers
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.key_images import key_picture
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import StudyAnalysis, StudyPlan, plan

from .synthetic import SHAPE, result_for, write_multiframe, write_series
from .three_findings import Tables, groups_of, image_of, study, three_labels


def with_facts(planned: StudyPlan) -> StudyPlan:
    """The same plan with a volume, candidates and points whose numbers are all different."""
    told = planned.result.volume.model_copy(
        update={
            "spacing_irc_mm": (2.5, 0.75, 0.5),
            "lung_volume_ml": 4321.0,
            "right_lung_ml": 2512.0,
            "left_lung_ml": 1809.0,
            "convolution_kernel": "B30f",
            "manufacturer": "Maker",
        }
    )
    candidate = planned.result.candidates[0].model_copy(
        update={
            "segmentation_probability": 0.87,
            "classifier_probability": 0.65,
            "nodule_probability": 0.43,
        }
    )
    point = planned.result.operating_points[0].model_copy(update={"temperature": 1.25})
    result = planned.result.model_copy(
        update={"volume": told, "candidates": (candidate,), "operating_points": (point,)}
    )
    return replace(planned, result=result)


def test_the_reports_facts_and_candidates_are_in_their_places(tmp_path: Path) -> None:
    planned = with_facts(study(write_series(tmp_path)))
    (page,) = writers.report(planned).values()
    html = page.decode()
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", html, flags=re.DOTALL)
    said = {name: " ".join(re.sub(r"<[^>]+>", " ", value).split()) for name, value in pairs}
    assert said["Slice distance, pixel size"] == "2.50 mm, 0.75 &times; 0.50 mm"
    assert said["Lung volume"] == "4.3 l (right 2.5, left 1.8)"
    assert said["Kernel"] == "B30f"
    x, y, z = planned.result.candidates[0].center_lps_mm
    row = next(r for r in Tables(html).rows if r[0] == f"{x:.1f}, {y:.1f}, {z:.1f}")
    percents = [re.sub(r"\s", "", cell) for cell in row[2:5]]
    assert percents == ["87%", "65%", "43%"]
    assert ["malignancy", "0.350", "phantoms"] in Tables(html).rows
    for card, f in zip(
        html.split('<section class="card"')[1:], planned.result.findings, strict=True
    ):
        index = round(float(planned.volume.geometry.lps_to_index(f.center_lps_mm)[0]))
        slices = f"{index + 1} of {SHAPE[0]}"
        assert f"{image_of(planned.volume, f.center_lps_mm[2])}, {slices}</dd>" in card
        if f.texture == "part-solid":
            assert "<dd>6.2 mm, 120 mm&sup3;</dd>" in card


def test_the_pdfs_facts_are_in_their_places(tmp_path: Path) -> None:
    planned = with_facts(study(write_series(tmp_path), pdf=True))
    (content,) = writers.pdf(planned).values()
    made = dcmread(BytesIO(content))
    pages = pypdfium2.PdfDocument(made.EncapsulatedDocument[: made.EncapsulatedDocumentLength])
    text = " ".join(" ".join(p.get_textpage().get_text_range() for p in pages).split())
    assert "slice distance 2.50 mm; pixels 0.75 \N{MULTIPLICATION SIGN} 0.50 mm" in text
    assert "malignancy 0.350 phantoms" in text
    assert "Note: Slices are thick." in text
    for f in planned.result.findings:
        chance = f"Malignancy {100 * f.malignancy_probability:.0f} %"
        assert f"{chance}; nodule {100 * f.nodule_probability:.0f} %" in text
        assert ", ".join(f"{v:.1f}" for v in f.center_lps_mm) + " mm LPS" in text


def test_each_key_image_shows_its_own_finding(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path), key_images=True)
    files = writers.key_images(planned)
    assert len(files) == 3
    made = sorted((dcmread(BytesIO(c)) for c in files.values()), key=lambda d: d.InstanceNumber)
    for image, f, own in zip(made, planned.result.findings, planned.pictures(), strict=True):
        number = image_of(planned.volume, f.center_lps_mm[2])
        expected = key_picture(own, f, planned.result, f"image {number} of series 3")
        np.testing.assert_array_equal(image.pixel_array, np.asarray(expected))
        assert image.InstanceNumber == f.id
        assert str(image.ImageComments).startswith(f"Nodule {f.id}.")


@pytest.mark.parametrize("write", [write_series, write_multiframe])
def test_the_key_objects_are_the_images_that_show_most(write: Any, tmp_path: Path) -> None:
    volume = write(tmp_path)
    labels = np.zeros(SHAPE, np.uint8)
    for slice_index, width in ((7, 2), (8, 5), (9, 9), (10, 3)):
        labels[slice_index, 20:28, 30 : 30 + width] = 1
    labels[15:17, 40:44, 10:14] = 2
    labels[16, 40, 10] = 0
    analysis = StudyAnalysis(labels, result_for(volume, labels))
    planned = plan(volume, analysis, OutputOptions(key_images=True))
    (content,) = writers.key_objects(planned).values()
    made = dcmread(BytesIO(content))
    references = [
        item.ReferencedSOPSequence[0] for item in made.ContentSequence if item.ValueType == "IMAGE"
    ]
    (said,) = (
        item.TextValue
        for item in made.ContentSequence
        if item.ValueType == "TEXT" and item.TextValue.startswith("Nodule 1")
    )
    if write is write_series:
        uids = {volume.source_images[n].sop_instance_uid for n in (9, 15)}
        assert {str(r.ReferencedSOPInstanceUID) for r in references} == uids
        # The images are numbered from the head.
        assert said.startswith(f"Nodule 1: image {SHAPE[0] - 9}; Nodule 2: image {SHAPE[0] - 15}.")
    else:
        (reference,) = references
        first, second = (volume.source_images[n].frame_number for n in (9, 15))
        assert sorted(int(n) for n in reference.ReferencedFrameNumber) == sorted([first, second])
        assert said.startswith(f"Nodule 1: frame {first}; Nodule 2: frame ")


def test_sr_answers_each_question_about_looks_for_itself(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path))
    looks = [
        (("texture", True), ("spiculation", False), ("margin", None), ("calcification", True)),
        (("texture", None), ("spiculation", True), ("margin", False), ("calcification", False)),
        (),
    ]
    findings = tuple(
        finding.model_copy(
            update={
                "characteristics": tuple(
                    Characteristic(name=name, probability=0.5, present=present)
                    for name, present in own
                )
            }
        )
        for finding, own in zip(planned.result.findings, looks, strict=True)
    )
    result = planned.result.model_copy(update={"findings": findings})
    (content,) = writers.sr(replace(planned, result=result)).values()
    answers = {True: "Yes", False: "No", None: "Undetermined"}
    for group, own in zip(groups_of(dcmread(BytesIO(content))), looks, strict=True):
        said = {
            item.ConceptNameCodeSequence[0].CodeMeaning: item.ConceptCodeSequence[0].CodeMeaning
            for item in group.ContentSequence
            if item.ValueType == "CODE"
        }
        known = {codes.CHARACTERISTICS[name].meaning for name in codes.CHARACTERISTICS}
        assert {name: said[name] for name in known & set(said)} == {
            codes.CHARACTERISTICS[name].meaning: answers[present] for name, present in own
        }


def test_a_finding_has_one_colour_in_report_and_segmentation(tmp_path: Path) -> None:
    planned = study(write_series(tmp_path))
    (content,) = writers.seg(planned).values()
    (page,) = writers.report(planned).values()
    own = [finding_rgb(finding.id) for finding in planned.result.findings]
    assert len(set(own)) == 3
    told = [
        list(segment.RecommendedDisplayCIELabValue)
        for segment in dcmread(BytesIO(content)).SegmentSequence
    ]
    assert told == [list(CIELabColor.from_rgb(*rgb).value) for rgb in own]
    swatches = re.findall(r'class="swatch" style="--c: (#[0-9a-f]{6})"', page.decode())
    assert swatches[:3] == ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in own]


def test_fractions_lie_on_their_own_frames_of_a_multi_frame_file(tmp_path: Path) -> None:
    volume = write_multiframe(tmp_path)
    (content,) = writers.seg(study(volume, seg_type="fractional")).values()
    made = dcmread(BytesIO(content))
    labels = three_labels()
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    slice_of = {image.frame_number: n for n, image in enumerate(volume.source_images)}
    seen = set()
    for groups, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        n = slice_of[int(source.ReferencedFrameNumber)]
        own = labels[n] == number
        np.testing.assert_allclose(pixels[own], 255 * soft[n][own], atol=0.51)
        if own.any():
            seen.add((int(number), n))
    slices = range(SHAPE[0])
    assert seen == {(k, n) for k in (1, 2, 3) for n in slices if (labels[n] == k).any()}
