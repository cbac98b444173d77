"""DICOM SEG and SR of the known chest, read as a stranger reads them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydicom import Dataset
from scipy import ndimage

from .chest_model import LESIONS
from .stand_ins import peak_probability
from .studies import Study, frame_places, held_voxels, lesion_at


def centers(affine: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.asarray(np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3])


def test_each_segment_is_its_lesion_and_nothing_else(study: Study) -> None:
    affine, shape = study.scan.affine
    everything = centers(affine, np.ones(shape, bool))
    for found in study.result.findings:
        form = lesion_at(found.center_lps_mm).form
        inside = form.distance(centers(affine, study.masks[found.id]))
        assert inside.max() < 0.9
        near = everything[np.abs(everything - form.center).max(axis=1) < max(form.radii)]
        deep = int(np.count_nonzero(form.distance(near) < -1.3))
        assert np.count_nonzero(inside < -1.3) == deep
    held = sum(mask.astype(int) for mask in study.masks.values())
    assert held.max() == 1


def test_each_frame_names_the_image_that_it_lies_on(study: Study) -> None:
    seg, _ = study.seg_and_sr
    for groups, (_, matrix) in zip(
        seg.PerFrameFunctionalGroupsSequence, frame_places(seg), strict=True
    ):
        reference = groups.DerivationImageSequence[0].SourceImageSequence[0]
        place = place_of(study, reference)
        np.testing.assert_allclose(place, matrix[:, 2], atol=2e-3)


def place_of(study: Study, reference: Dataset) -> np.ndarray:
    """Where the image, or the frame, of a reference lies, by its own header."""
    (place,) = places_of(study, reference)
    return place


def places_of(study: Study, reference: Dataset) -> list[np.ndarray]:
    image = study.images[str(reference.ReferencedSOPInstanceUID)]
    if "NumberOfFrames" not in image:
        return [np.asarray(image.ImagePositionPatient, float)]
    groups = image.PerFrameFunctionalGroupsSequence
    numbers = np.atleast_1d(reference.ReferencedFrameNumber).tolist()
    return [
        np.asarray(groups[n - 1].PlanePositionSequence[0].ImagePositionPatient, float)
        for n in numbers
    ]


def meaning(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def groups_of(report: Dataset) -> list[Dataset]:
    """The measurement groups of a TID 1500 report."""
    (measured,) = (i for i in report.ContentSequence if meaning(i) == "Imaging Measurements")
    return [g for g in measured.ContentSequence if tracked_as(g) != "Lungs"]


UNITS = {
    "Volume": "mm3", "Long axis": "mm", "Short axis": "mm", "Size": "mm",
    "Attenuation Coefficient": "[hnsf'U]",
    "Volume of the solid component": "mm3", "Long axis of the solid component": "mm",
    "Solid component size": "mm",
    "Share of the core with the density of fat": "%", "Volume of enclosed air": "mm3",
    "Distance to the surface of the lung": "mm",
    "Certainty of Finding": "%", "Probability of cancer": "%",
}  # fmt: skip
"""UCUM, by concept, of a finding's group."""


def unit(item: Dataset) -> str:
    return str(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue)


def tracked_as(group: Dataset) -> str:
    (name,) = (i for i in group.ContentSequence if meaning(i) == "Tracking Identifier")
    return str(name.TextValue)


def test_the_lungs_have_a_group_of_their_own(study: Study) -> None:
    _, sr = study.seg_and_sr
    (measured,) = (i for i in sr.ContentSequence if meaning(i) == "Imaging Measurements")
    (lungs,) = (g for g in measured.ContentSequence if tracked_as(g) == "Lungs")
    told = {
        next(p for p in i.ContentSequence if meaning(p) == "Finding Site")
        .ContentSequence[0]
        .ConceptCodeSequence[0]
        .CodeMeaning: float(i.MeasuredValueSequence[0].NumericValue)
        for i in lungs.ContentSequence
        if i.ValueType == "NUM" and meaning(i) == "Volume"
    }
    volume = study.result.volume
    assert told == {"Right": volume.right_lung_ml, "Left": volume.left_lung_ml}
    units = {(meaning(i), unit(i)) for i in lungs.ContentSequence if i.ValueType == "NUM"}
    assert units <= {("Volume", "cm3"), ("Share of the aerated lungs below -950 HU", "%")}
    shares = [i for i in lungs.ContentSequence if "below -950 HU" in meaning(i)]
    if volume.emphysema_share is None:
        assert [i.ConceptCodeSequence[0].CodeMeaning for i in shares] == ["Undetermined"]
    else:
        (share,) = shares
        value = float(share.MeasuredValueSequence[0].NumericValue)
        assert value == pytest.approx(100 * volume.emphysema_share, abs=6e-4)


def numbers_of(group: Dataset) -> dict[tuple[str, str], Dataset]:
    """NUM items by concept and derivation."""
    found = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            parts = item.get("ContentSequence", [])
            derived = [p.ConceptCodeSequence[0].CodeMeaning for p in parts
                       if meaning(p) == "Derivation"]  # fmt: skip
            found[meaning(item), "".join(derived)] = item
    return found


def test_each_group_has_the_numbers_of_its_own_finding(study: Study) -> None:
    _, sr = study.seg_and_sr
    groups = groups_of(sr)
    assert len(groups) == len(study.result.findings)
    for group, f in zip(groups, study.result.findings, strict=True):
        told = {
            name: float(item.MeasuredValueSequence[0].NumericValue)
            for name, item in numbers_of(group).items()
        }
        expected = {
            ("Volume", ""): f.volume_mm3,
            ("Long axis", ""): f.longest_diameter_mm,
            ("Short axis", ""): f.perpendicular_diameter_mm,
            ("Size", ""): f.mean_diameter_mm,
            ("Attenuation Coefficient", "Mean"): f.mean_hu,
            ("Attenuation Coefficient", "Standard Deviation"): f.sd_hu,
            ("Certainty of Finding", ""): 100 * f.nodule_probability,
            ("Probability of cancer", ""): 100 * f.malignancy_probability,
        }
        if f.texture == "part-solid":
            expected["Volume of the solid component", ""] = f.solid_volume_mm3
            expected["Long axis of the solid component", ""] = f.solid_longest_diameter_mm
            expected["Solid component size", ""] = f.solid_mean_diameter_mm
        for name, number, factor in (
            ("Share of the core with the density of fat", f.fat_share, 100),
            ("Volume of enclosed air", f.cavity_volume_mm3, 1),
            ("Distance to the surface of the lung", f.pleura_distance_mm, 1),
        ):
            if number is not None:
                expected[name, ""] = factor * number
        by_models = {name for name in told if name[0].startswith("Probability of cancer by")}
        assert set(told) - by_models == set(expected)
        for name, number in expected.items():
            assert told[name] == pytest.approx(number, abs=6e-4), name
        for name, item in numbers_of(group).items():
            assert unit(item) == ("%" if name in by_models else UNITS[name[0]]), name


def test_each_group_says_what_its_finding_is(study: Study) -> None:
    seg, sr = study.seg_and_sr
    textures = {"solid": "solid", "part-solid": "part-solid", "ground-glass": "non-solid"}
    lobes = {
        "upper": "Upper lobe of lung", "middle": "Middle lobe of right lung",
        "lower": "Lower lobe of lung", None: "Lung",
    }  # fmt: skip
    segments = {s.SegmentNumber: s for s in seg.SegmentSequence}
    for group, f in zip(groups_of(sr), study.result.findings, strict=True):
        said = {
            meaning(i): i.ConceptCodeSequence[0].CodeMeaning
            for i in group.ContentSequence
            if i.ValueType == "CODE"
        }
        assert said["Probability of cancer at or over its operating point"] == (
            "Yes" if f.suspicious else "No"
        )
        assert said["Texture"] == f"{textures[f.texture]} pulmonary nodule"
        assert said["Finding Site"] == lobes[f.lobe]
        patterns = {
            "none": "None", "complete": "Complete", "central": "Central", None: "Undetermined",
            "concentric": "Concentric ring", "other": "Other pattern",
        }  # fmt: skip
        assert said["Calcification by Hounsfield units"] == patterns[f.calcification]
        touches = {True: "Yes", False: "No", None: "Undetermined"}
        assert said["Touches the surface of the lung"] == touches[f.juxtapleural]
        looks = {"calcification": "Calcified", "spiculation": "Spiculated"}
        assert {one.name for one in f.characteristics} == set(looks)
        for one in f.characteristics:
            assert said[f"{looks[one.name]}, as readers would rate it"] == touches[one.present]
        parameters = [
            str(i.TextValue) for i in group.ContentSequence if meaning(i) == "Algorithm Parameters"
        ]
        assert parameters == [
            *(f"model {m.name} {m.version} sha256:{m.sha256}" for m in study.result.models),
            *(f"threshold {p.name} {p.threshold:g}" for p in study.result.operating_points),
        ]
        (site,) = (i for i in group.ContentSequence if meaning(i) == "Finding Site")
        (side,) = site.ContentSequence
        assert side.ConceptCodeSequence[0].CodeMeaning.lower() == f.laterality
        tracked = {meaning(i): i for i in group.ContentSequence if "Tracking" in meaning(i)}
        assert f.tracking_uid == tracked["Tracking Unique Identifier"].UID
        assert tracked["Tracking Identifier"].TextValue == f"Nodule {f.id}"
        segment = segments[f.id]
        assert segment.TrackingUID == f.tracking_uid
        assert segment.SegmentLabel == f"Nodule {f.id}"
        region = segment.AnatomicRegionSequence[0]
        assert region.CodeMeaning == lobes[f.lobe]
        assert region.AnatomicRegionModifierSequence[0].CodeMeaning.lower() == f.laterality
    uids = {f.tracking_uid for f in study.result.findings}
    assert len(uids) == len(study.result.findings)


def test_each_group_refers_to_its_segment_and_to_the_images_that_show_it(study: Study) -> None:
    seg, sr = study.seg_and_sr
    for group, f in zip(groups_of(sr), study.result.findings, strict=True):
        references = [
            i.ReferencedSOPSequence[0] for i in group.ContentSequence if i.ValueType == "IMAGE"
        ]
        (segment,) = (r for r in references if "ReferencedSegmentNumber" in r)
        assert segment.ReferencedSegmentNumber == f.id
        assert segment.ReferencedSOPInstanceUID == seg.SOPInstanceUID
        named = [
            place
            for r in references
            if "ReferencedSegmentNumber" not in r
            for place in places_of(study, r)
        ]
        frames = [matrix[:, 2] for n, matrix in frame_places(seg) if n == f.id]
        assert len(named) == len(frames)
        order = [np.lexsort(np.round(places, 2).T) for places in (named, frames)]
        np.testing.assert_allclose(
            np.asarray(named)[order[0]], np.asarray(frames)[order[1]], atol=2e-3
        )


def test_without_a_segmentation_the_axes_lie_in_the_patient(study: Study) -> None:
    (sr,) = study.objects("sr", seg=False)
    for group, f in zip(groups_of(sr), study.result.findings, strict=True):
        numbers = numbers_of(group)
        form = lesion_at(f.center_lps_mm).form
        for name, length in (
            ("Long axis", f.longest_diameter_mm),
            ("Short axis", f.perpendicular_diameter_mm),
        ):
            (line,) = (i for i in numbers[name, ""].ContentSequence if i.ValueType == "SCOORD3D")
            ends = np.reshape(np.asarray(line.GraphicData, float), (2, 3))
            assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(length, abs=1e-3)
            assert np.abs(form.distance(ends)).max() < 1.3
            frames = {str(i.FrameOfReferenceUID) for i in study.images.values()}
            assert {str(line.ReferencedFrameOfReferenceUID)} == frames


def test_the_report_says_every_warning(study: Study) -> None:
    _, sr = study.seg_and_sr
    comments = [i.TextValue for i in sr.ContentSequence if meaning(i) == "Comment"]
    expected = [
        study.result.disclaimer,
        *(f"Warning: {warning.message}" for warning in study.result.warnings),
    ]
    assert comments[-len(expected) :] == expected  # after what guidelines say, if anything


@pytest.mark.parametrize(
    "name", ["prone, slices reversed", pytest.param("tilted gantry", marks=pytest.mark.slow)]
)
def test_a_fractional_segment_is_the_probability_around_its_own_lesion(
    name: str, study_of: Callable[[str], Study]
) -> None:
    study = study_of(name)
    (seg,) = study.objects("seg", seg_type="fractional")
    assert seg.MaximumFractionalValue == 255
    held = held_voxels(seg, study.scan)
    affine, _ = study.scan.affine
    for found in study.result.findings:
        lesion = lesion_at(found.center_lps_mm)
        values = held[found.id]
        index = np.argwhere(values > 0)
        points = index @ affine[:3, :3].T + affine[:3, 3]
        own = lesion.form.distance(points)
        assert own.max() < 6.5
        for other in LESIONS:
            if other is not lesion:  # a voxel goes to the nearer one
                assert (own - np.maximum(other.form.distance(points), 0)).max() < 2.0
        core = values[tuple(index[own < -3.8].T)]
        if not lesion.parts and lesion.name != "calcified":
            assert len(core) > 0
            expected = round(255 * peak_probability(lesion.core_hu))
            assert np.abs(core.astype(int) - expected).max() <= 3
        assert values[study.masks[found.id]].min() >= 0.2 * 255
        assert ndimage.label(values > 0.2 * 255)[1] >= 1
    together = np.sum([values > 0 for values in held.values()], axis=0)
    assert together.max() == 1
