"""Every number that a reader sees stands in its own place: SR and SEG."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from nodulus.app.result import OperatingPoint
from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap, territories
from nodulus.app.results.read_labels import segment_frames, voxel_threshold
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.results.wording import texture_words
from nodulus.transforms.geometry import Geometry

from .synthetic import SHAPE, SPACING_MM, write_multiframe, write_series
from .three_findings import groups_of, study, three_labels, told_apart


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
