"""Every number of findings.json, from a chest that is known, in every geometry."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from nodulus.app.chain import Occlusion, analyse
from nodulus.app.result import LOBES

from .chest_model import FAINT, HOLLOW, LEFT_LUNG, LESIONS, LUNG_HU, RIGHT_LUNG, SPECK, Lesion
from .oracle import largest_piece, longest_mm, rims
from .stand_ins import (
    MALIGNANCY_NETWORK,
    MALIGNANCY_POINT,
    MIN_VOLUME_MM3,
    MODELS,
    NODULE_POINT,
    SETTINGS,
    classifier_probability,
    malignancy_probability,
    nodule_probability,
    peak_probability,
    rating_probability,
    scaled,
    sigmoid,
)
from .studies import Study, lesion_at

RANKED = ("calcified", "part-solid", "long", "twin", "its neighbour", "beyond the middle", "glass")


def densest_hu(lesion: Lesion) -> float:
    """Of all of it, and of its middle: no middle lies outside of a solid part."""
    return lesion.parts_hu if lesion.parts else lesion.core_hu


def test_each_lesion_is_one_finding_at_its_place(study: Study) -> None:
    names = [lesion_at(f.center_lps_mm).name for f in study.result.findings]
    assert tuple(names) == RANKED
    assert [f.id for f in study.result.findings] == list(range(1, len(RANKED) + 1))
    affine = np.array(study.result.volume.affine_lps)
    for lesion in LESIONS:
        found = study.of(lesion)
        np.testing.assert_allclose(found.center_lps_mm, lesion.form.center, atol=0.3)
        place = affine @ (*found.center_index_irc, 1.0)
        np.testing.assert_allclose(place[:3], found.center_lps_mm, atol=1e-6)


def test_the_centre_is_that_of_the_segment(study: Study) -> None:
    affine, _ = study.scan.affine
    exact = study.volume.is_source_grid
    for found in study.result.findings:
        index = np.argwhere(study.masks[found.id]).mean(axis=0)
        middle = affine[:3, :3] @ index + affine[:3, 3]
        np.testing.assert_allclose(found.center_lps_mm, middle, atol=1e-3 if exact else 0.3)


def test_the_volume_is_told_as_it_is(study: Study) -> None:
    told = study.result.volume
    affine, shape = study.scan.affine
    if study.volume.is_source_grid:
        assert told.shape_irc == shape
        # One grid, whichever end the slices are counted from.
        corners = np.array(list(itertools.product(*[(0, n - 1) for n in shape])))
        own, written = (
            corners @ np.array(a)[:3, :3].T + np.array(a)[:3, 3] for a in (told.affine_lps, affine)
        )
        assert cdist(own, written).min(axis=1).max() < 2e-3
        spacing = (abs(study.scan.step_mm), *study.scan.spacing_mm)
        np.testing.assert_allclose(told.spacing_irc_mm, spacing, rtol=1e-5)
    assert told.source_format == "dicom"
    assert told.manufacturer == "Nodulus tests"
    assert told.convolution_kernel == "STANDARD"
    if not study.scan.multiframe:
        assert {float(one.SliceThickness) for one in study.images.values()} == {
            told.slice_thickness_mm
        }
    whole_ml = (RIGHT_LUNG.volume_mm3 + LEFT_LUNG.volume_mm3) / 1000
    assert told.lung_volume_ml == pytest.approx(whole_ml, rel=0.035)
    for lung, seen in ((RIGHT_LUNG, told.right_lung_ml), (LEFT_LUNG, told.left_lung_ml)):
        assert seen == pytest.approx(lung.volume_mm3 / 1000, rel=0.05)
    assert told.lung_share == 1.0
    assert told.lung_cut_cm2 == (0.0, 0.0)


def test_sizes_are_those_of_the_segment(study: Study) -> None:
    affine, _ = study.scan.affine
    voxel_mm3 = abs(np.linalg.det(affine[:3, :3]))
    for found in study.result.findings:
        mask = study.masks[found.id]
        if study.volume.is_source_grid:
            assert found.voxel_count == mask.sum()
            assert found.volume_mm3 == pytest.approx(mask.sum() * voxel_mm3, rel=1e-4)
            assert found.longest_diameter_mm == pytest.approx(longest_mm(mask, affine), abs=1e-3)
            part = largest_piece(mask & (study.hu > -300)) if found.solid_volume_mm3 else None
            if part is not None:
                assert found.solid_volume_mm3 == pytest.approx(part.sum() * voxel_mm3, rel=1e-4)
                assert found.solid_longest_diameter_mm == pytest.approx(
                    longest_mm(part, affine), abs=1e-3
                )
        sphere = np.pi / 6 * found.equivalent_diameter_mm**3
        assert sphere == pytest.approx(found.volume_mm3, rel=1e-6)


def test_sizes_are_those_of_the_lesion(study: Study) -> None:
    for lesion in LESIONS:
        found = study.of(lesion)
        # A faint lesion's outline lies inside of its surface: between voxels nothing is added.
        assert 0.82 <= found.volume_mm3 / lesion.form.volume_mm3 <= 1.02
        long, short = sorted(2 * np.array(lesion.form.radii[:2]))[::-1]
        assert found.longest_diameter_mm == pytest.approx(long, abs=1.3)
        assert found.perpendicular_diameter_mm == pytest.approx(short, abs=1.6)
        assert found.mean_diameter_mm == pytest.approx((long + short) / 2, abs=1.2)
        axes = found.longest_diameter_mm, found.perpendicular_diameter_mm
        assert found.mean_diameter_mm == pytest.approx(sum(axes) / 2, abs=0.1)
        if lesion.parts:
            size = sum(sorted(lesion.parts[0].radii[:2]))
            assert found.solid_mean_diameter_mm == pytest.approx(size, abs=1.3)
        assert found.kind == "nodule"


def test_diameters_end_on_the_outline_of_one_slice(study: Study) -> None:
    affine, _ = study.scan.affine
    for found in study.result.findings:
        long = np.array(found.longest_diameter_ends_lps_mm)
        short = np.array(found.perpendicular_diameter_ends_lps_mm)
        for ends, length in (
            (long, found.longest_diameter_mm),
            (short, found.perpendicular_diameter_mm),
        ):
            assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(length, abs=1e-6)
            form = lesion_at(found.center_lps_mm).form
            assert np.abs(form.distance(ends)).max() < 1.3
        cosine = (long[1] - long[0]) @ (short[1] - short[0])
        assert abs(cosine) / found.longest_diameter_mm / found.perpendicular_diameter_mm < 1e-6
        if study.volume.is_source_grid:
            outlines = rims(study.masks[found.id], affine)
            away = [np.linalg.norm(rim[:, None] - long[None], axis=-1) for rim in outlines]
            # The same slice has both ends, and the short axis lies in its plane.
            own = min(range(len(away)), key=lambda n: away[n].min(axis=0).max())
            assert away[own].min(axis=0).max() < 2e-3
            flat = np.linalg.svd(outlines[own] - outlines[own].mean(axis=0))[2]
            assert np.abs((short - outlines[own].mean(axis=0)) @ flat[2]).max() < 2e-3


@cache
def true_pleura_distance_mm(number: int) -> float:
    """Between the surfaces of a lesion and of its lung, each by points."""
    across, along = np.meshgrid(np.linspace(0, np.pi, 181), np.linspace(0, 2 * np.pi, 361))
    sphere = np.stack(
        [np.sin(across) * np.cos(along), np.sin(across) * np.sin(along), np.cos(across)], -1
    ).reshape(-1, 3)
    lesion = LESIONS[number]
    lung = RIGHT_LUNG if lesion.side == "right" else LEFT_LUNG
    outline = lesion.form.center + sphere[::7] * lesion.form.radii @ lesion.form.axes.T
    return float(KDTree(lung.center + sphere * lung.radii).query(outline)[0].min())


def test_the_distance_to_the_pleura_is_that_to_the_lungs_surface(study: Study) -> None:
    for number, lesion in enumerate(LESIONS):
        found = study.of(lesion)
        assert found.pleura_distance_mm == pytest.approx(true_pleura_distance_mm(number), abs=3.5)
        assert found.juxtapleural == (found.pleura_distance_mm <= 2.5)


def test_the_long_axis_points_along_the_lesion(study: Study) -> None:
    lesion = LESIONS[0]
    found = study.of(lesion)
    first, last = np.array(found.longest_diameter_ends_lps_mm)
    along = lesion.form.axes[:, 0]
    assert abs((last - first) @ along) / found.longest_diameter_mm > np.cos(np.deg2rad(15))
    assert abs(((first + last) / 2 - lesion.form.center) @ along) < 0.6


def test_density_is_that_of_the_voxels(study: Study) -> None:
    for lesion in LESIONS:
        found = study.of(lesion)
        values = study.hu[study.masks[found.id]].astype(float)
        exact = study.volume.is_source_grid
        assert found.mean_hu == pytest.approx(values.mean(), abs=1e-3 if exact else 25)
        assert found.sd_hu == pytest.approx(values.std(), abs=1e-3 if exact else 25)
        assert found.calcified_share == pytest.approx(
            (values > 164).mean(), abs=1e-6 if exact else 0.05
        )
        assert (found.calcified_share > 0.1) == (lesion.name == "calcified")


def test_texture_and_its_solid_part(study: Study) -> None:
    for lesion in LESIONS:
        found = study.of(lesion)
        assert found.texture == lesion.texture
        if lesion.texture == "ground-glass":
            assert found.solid_share == 0
            assert found.solid_volume_mm3 == 0
            assert found.solid_longest_diameter_mm is None
        elif lesion.parts:  # of the larger part alone
            assert 0.12 < found.solid_share < 0.95
            assert found.solid_volume_mm3 == pytest.approx(lesion.parts[0].volume_mm3, rel=0.1)
            assert found.solid_longest_diameter_mm == pytest.approx(11.0, abs=1.3)
        else:
            assert found.solid_share > 0.8


def test_side_and_lobe_are_those_of_the_lung_that_it_lies_in(study: Study) -> None:
    told = {lesion.name: study.of(lesion) for lesion in LESIONS}
    assert {n: f.laterality for n, f in told.items()} == {o.name: o.side for o in LESIONS}
    for lesion in LESIONS:  # of fissures this chest shows nothing
        found = told[lesion.name]
        assert lesion.lobe is None or lesion.lobe in found.possible_lobes
        assert set(found.possible_lobes) <= set(LOBES[found.laterality])
        assert found.lobe == (found.possible_lobes[0] if len(found.possible_lobes) == 1 else None)
    assert told["calcified"].lobe in ("upper", None)  # high on the left


def test_probabilities_follow_from_density_and_size(study: Study) -> None:
    volumes = {c.finding_id: c.volume_mm3 for c in study.result.candidates}
    for lesion in LESIONS:
        found, hu = study.of(lesion), densest_hu(lesion)
        assert found.segmentation_probability == pytest.approx(peak_probability(hu), abs=1.5e-3)
        assert found.classifier_probability == pytest.approx(classifier_probability(hu), abs=2e-3)
        assert found.nodule_probability == pytest.approx(nodule_probability(hu, hu), abs=5e-3)
        # A cube that holds the whole lesion: its volume on the networks' grid.
        assert volumes[found.id] == pytest.approx(lesion.form.volume_mm3, rel=0.1)
        expected = malignancy_probability(hu, found.volume_mm3)
        assert found.malignancy_probability == pytest.approx(expected, abs=2e-3)
        assert found.suspicious == (expected >= MALIGNANCY_POINT.threshold)
    assert [f.suspicious for f in study.result.findings] == [True] * 5 + [False] * 2


def test_looks_are_the_networks_answers_by_their_names(study: Study) -> None:
    rules = {one.name: one for one in SETTINGS.pipeline.characteristics}
    for lesion in LESIONS:
        told = {one.name: one for one in study.of(lesion).characteristics}
        assert set(told) == {"calcification", "spiculation"}
        for name, one in told.items():
            expected = rating_probability(name, densest_hu(lesion))
            assert one.probability == pytest.approx(expected, abs=5e-3)
            rule = rules[name]
            unsure = rule.absent_below <= expected < rule.present_from
            assert one.present == (None if unsure else expected >= rule.present_from)


def test_every_candidate_is_told_with_its_reason(study: Study) -> None:
    records = {
        lesion.name: min(
            study.result.candidates,
            key=lambda c: np.linalg.norm(np.subtract(c.center_lps_mm, lesion.form.center)),
        )
        for lesion in (*LESIONS, FAINT, HOLLOW, SPECK)
    }
    assert len(records) == len(study.result.candidates) == len(LESIONS) + 3
    for lesion in LESIONS:
        record, found = records[lesion.name], study.of(lesion)
        np.testing.assert_allclose(record.center_lps_mm, lesion.form.center, atol=0.3)
        assert record.kept
        assert record.finding_id == found.id
        assert record.nodule_probability == found.nodule_probability
        assert record.classifier_probability == found.classifier_probability
        assert record.segmentation_probability == found.segmentation_probability
        assert record.reason == (
            f"kept: nodule probability {found.nodule_probability:.3f} is at or above 0.500"
        )
    faint = records["faint"]
    expected = nodule_probability(FAINT.core_hu, FAINT.core_hu)
    assert expected < NODULE_POINT.threshold
    assert faint.nodule_probability == pytest.approx(expected, abs=2e-3)
    assert faint.reason == f"dropped: nodule probability {expected:.3f} is below 0.500"
    assert (faint.kept, faint.finding_id) == (False, None)
    hollow = records["hollow"]
    assert hollow.nodule_probability == pytest.approx(
        nodule_probability(HOLLOW.core_hu, LUNG_HU), abs=0.03
    )
    assert hollow.segmentation_probability > records["glass"].segmentation_probability
    assert (hollow.kept, hollow.finding_id) == (False, None)
    speck = records["speck"]
    assert speck.volume_mm3 < MIN_VOLUME_MM3
    assert speck.nodule_probability is None
    assert speck.classifier_probability is None
    assert speck.reason == "dropped: smaller than 90 mm3"


def test_what_the_classifiers_saw_is_of_its_own_candidate(
    study_of: Callable[[str], Study],
) -> None:
    volume = study_of("prone, slices reversed").volume
    seen = analyse(volume, MODELS, SETTINGS, occlusion=Occlusion(), keep_crops=True)
    rated = [one for one in seen.candidates if one.nodule_probability is not None]
    assert [one.kept for one in rated] == [True] * 6 + [False, True, False]
    for record, crops in zip(rated, seen.crops, strict=True):
        assert (crops.malignancy is not None) == record.kept
        for crop in filter(None, (crops.nodule, crops.malignancy)):
            middle = crop.geometry.index_to_lps(np.array(crop.values.shape) // 2)
            assert np.linalg.norm(middle - record.center_lps_mm) < 1.5
    sensitivities = {(one.finding_id, one.classifier): one for one in seen.sensitivities}
    assert len(sensitivities) == 2 * len(seen.findings)
    for found in seen.findings:
        hu = densest_hu(lesion_at(found.center_lps_mm))
        malignancy = sigmoid(MALIGNANCY_NETWORK.slope * scaled(hu) + MALIGNANCY_NETWORK.offset)
        expected = {"nodule": classifier_probability(hu), "malignancy": malignancy}
        assert [one.classifier for one in found.explanations] == list(expected)
        for one in found.explanations:
            assert one.probability == pytest.approx(expected[one.classifier], abs=2e-3)
            away = np.subtract(one.largest_fall_lps_mm, found.center_lps_mm)
            assert np.linalg.norm(away) < 6
            grid = sensitivities[found.id, one.classifier].geometry
            middle = grid.index_to_lps(np.array(grid.shape_irc) // 2)
            assert np.linalg.norm(middle - found.center_lps_mm) < 2.5


def test_what_was_applied_is_told(study: Study) -> None:
    told = {p.name: p for p in study.result.operating_points}
    assert told["nodule"] == NODULE_POINT
    assert told["malignancy"] == MALIGNANCY_POINT
    assert [(m.name, m.version) for m in study.result.models] == [
        ("segmentation", "1.0"), ("nodule", "2.1"), ("malignancy", "3.2"),
    ]  # fmt: skip
    is_axial = abs(study.scan.affine[0][2, 0]) > 1
    expected = [] if is_axial else ["not-axial"]
    expected += ["tilted-gantry-resampled"] if any(study.scan.lean) else []
    assert [w.code for w in study.result.warnings] == [*expected, "lung-volume-unusual"]
    told_ml = f"The lungs hold {study.result.volume.lung_volume_ml:,.0f} ml"
    assert study.result.warnings[-1].message.startswith(told_ml)
