"""Who gets a voxel, whose probability is drawn, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.candidate_records import describe_candidates
from nodulus.app.chain.findings import Scored, build_findings
from nodulus.app.chain.native_mask import native_mask
from nodulus.app.chain.protocols import Outline
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import OperatingPoint
from nodulus.app.volume import CtVolume
from nodulus.transforms.candidates import Candidate, make_candidate
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

SHAPE = (24, 30, 40)
GRID = Geometry(SHAPE, np.diag([2.0, 1.5, 1.25, 1.0]))


def points(malignancy: float = 0.5) -> OperatingPoints:
    levels = {"segmentation_voxel": 0.4, "segmentation_peak": 0.5, "nodule": 0.3}
    levels["malignancy"] = malignancy
    return OperatingPoints(
        **{n: OperatingPoint(name=n, threshold=t, chosen_on="") for n, t in levels.items()}
    )


def box_candidate(probability: np.ndarray, *ends: tuple[int, int]) -> Candidate:
    i, r, c = (slice(a, b) for a, b in ends)
    mask = np.ones([b - a for a, b in ends], bool)
    return make_candidate(probability, (i, r, c), mask, GRID.affine_lps, GRID.voxel_volume_mm3)


def lungs() -> LungRegion:
    sides = np.full(SHAPE, LEFT, np.uint8)
    sides[..., :26] = RIGHT  # beyond the middle of both
    return LungRegion(np.ones(SHAPE, bool), sides, GRID, (False, False))


def scored(
    candidate: Candidate, nodule: float, classifier: float, malignancy: float, grid: Geometry = GRID
) -> Scored:
    """With the candidate's own voxels as its outline."""
    probability = np.zeros(SHAPE, np.float32)
    probability[candidate.box][candidate.mask] = 0.9
    outline = Outline(*native_mask(candidate, probability, grid, grid, 0.4))
    return Scored(candidate, outline, nodule, classifier, malignancy)


def built(scored: list[Scored], malignancy: float = 0.5):
    volume = CtVolume(np.full(SHAPE, -800, np.int16), GRID, "1.2.3", None, "mhd")
    pipeline = load_settings().pipeline
    return build_findings(volume, scored, lungs(), points(malignancy), pipeline)


def test_a_voxel_of_two_belongs_to_the_one_that_ranks_higher() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    left = box_candidate(probability, (5, 10), (5, 12), (5, 15))
    right = box_candidate(probability, (7, 12), (8, 16), (12, 25))
    for first, second in ((0.8, 0.7), (0.7, 0.8)):
        (a, b), labels = built([scored(left, 0.6, 0.5, first), scored(right, 0.6, 0.5, second)])
        both = labels[7:10, 8:12, 12:15]
        assert (both == 1).all()
        higher, lower = (a, b) if first > second else (b, a)
        assert (higher.id, lower.id) == (1, 2)
        sizes = {(5, 7, 10): a, (5, 8, 13): b}
        for shape, finding in sizes.items():
            whole = int(np.prod(shape))
            assert finding.voxel_count == (whole if finding is higher else whole - 3 * 4 * 3)
        assert [np.count_nonzero(labels == n) for n in (1, 2)] == [
            higher.voxel_count, lower.voxel_count,
        ]  # fmt: skip


def test_ties_are_ranked_by_nodule_probability_and_then_by_place() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    boxes = [((2, 5), (2, 5), (a, a + 3)) for a in (30, 22, 2)]
    candidates = [box_candidate(probability, *box) for box in boxes]
    found, _ = built(
        [scored(c, p, 0.5, 0.6) for c, p in zip(candidates, (0.4, 0.4, 0.9), strict=True)]
    )
    assert [f.id for f in found] == [3, 2, 1]
    assert [f.laterality for f in found] == ["left", "right", "right"]
    assert [f.nodule_probability for f in found] == [0.4, 0.4, 0.9]


def test_what_a_higher_one_owns_wholly_is_no_finding_and_takes_no_number() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    outer = box_candidate(probability, (4, 12), (4, 12), (4, 12))
    inner = box_candidate(probability, (6, 9), (6, 9), (6, 9))
    other = box_candidate(probability, (15, 18), (15, 18), (25, 30))
    found, labels = built(
        [scored(inner, 0.9, 0.9, 0.7), scored(outer, 0.9, 0.9, 0.8), scored(other, 0.9, 0.9, 0.2)]
    )
    assert found[0] is None
    assert [found[n].id for n in (1, 2)] == [1, 2]
    assert np.unique(labels).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("probability", "expected"), [(0.5, True), (0.4999, False)])
def test_suspicious_is_at_or_over_the_malignancys_point(probability: float, expected: bool) -> None:
    seen = np.full(SHAPE, 0.9, np.float32)
    candidate = box_candidate(seen, (5, 10), (5, 12), (5, 15))
    (found,), _ = built([scored(candidate, 0.9, 0.9, probability)])
    assert found.suspicious is expected


def test_a_candidates_mask_is_drawn_from_its_own_probability() -> None:
    probability = np.zeros(SHAPE, np.float32)
    probability[5:9, 5:9, 5:9] = 0.9
    probability[7:12, 11:15, 6:11] = 0.9
    mask = np.zeros((7, 10, 6), bool)
    mask[:4, :4, :4] = True  # of a box that the neighbour lies in too
    box = (slice(5, 12), slice(5, 15), slice(5, 11))
    candidate = make_candidate(probability, box, mask, GRID.affine_lps, GRID.voxel_volume_mm3)
    place, own = native_mask(candidate, probability, GRID, GRID, 0.4)
    drawn = np.zeros(SHAPE, bool)
    drawn[place] = own
    expected = np.zeros(SHAPE, bool)
    expected[5:9, 5:9, 5:9] = True
    np.testing.assert_array_equal(drawn, expected)


def test_the_outline_runs_where_the_interpolated_probability_crosses_the_threshold() -> None:
    probability = np.zeros(SHAPE, np.float32)
    probability[5:9, 5:9, 5:9] = 0.8
    candidate = box_candidate(probability, (5, 9), (5, 9), (5, 9))
    fine = Geometry((24, 30, 160), GRID.affine_lps @ np.diag([1, 1, 0.25, 1]))
    for threshold, beyond in ((0.5, 1), (0.3, 2), (0.15, 3)):  # quarters of a voxel, 0.2 each
        place, own = native_mask(candidate, probability, GRID, fine, threshold)
        columns = np.flatnonzero(own.any(axis=(0, 1))) + place[2].start
        assert columns.tolist() == list(range(20 - beyond, 33 + beyond))


def test_a_mask_reaches_the_first_and_the_last_voxel_of_the_volume() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    for ends in (((0, 3), (0, 4), (0, 5)), ((21, 24), (26, 30), (35, 40))):
        candidate = box_candidate(probability, *ends)
        place, own = native_mask(candidate, probability, GRID, GRID, 0.4)
        drawn = np.zeros(SHAPE, bool)
        drawn[place] = own
        expected = np.zeros(SHAPE, bool)
        expected[candidate.box] = True
        np.testing.assert_array_equal(drawn, expected)


def test_what_is_thinner_than_a_voxel_keeps_the_nearest_one() -> None:
    probability = np.zeros(SHAPE, np.float32)
    probability[11, 9, 13] = 0.9
    candidate = box_candidate(probability, (11, 12), (9, 10), (13, 14))
    coarse = Geometry((6, 7, 10), GRID.affine_lps @ np.diag([4, 4, 4, 1]))
    place, own = native_mask(candidate, probability, GRID, coarse, 0.5)
    assert own.sum() == 1
    index = np.argwhere(own)[0] + [s.start for s in place]
    assert index.tolist() == [3, 2, 3]


def test_the_outline_takes_in_the_threshold_itself() -> None:
    probability = np.zeros(SHAPE, np.float32)
    probability[5:9, 5:9, 5:9] = 0.75
    probability[5, 5, 5] = 0.5
    candidate = box_candidate(probability, (5, 9), (5, 9), (5, 9))
    _, own = native_mask(candidate, probability, GRID, GRID, 0.5)
    assert own.sum() == 64
    assert own.dtype == bool


def test_the_box_holds_one_voxel_around_the_candidate() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    candidate = box_candidate(probability, (5, 9), (6, 12), (7, 15))
    place, own = native_mask(candidate, probability, GRID, GRID, 0.4)
    assert place == (slice(4, 10), slice(5, 13), slice(6, 16))
    assert own.shape == (6, 8, 10)
    edge = box_candidate(probability, (0, 2), (26, 30), (0, 3))
    assert native_mask(edge, probability, GRID, GRID, 0.4)[0] == (
        slice(0, 3), slice(25, 30), slice(0, 4),
    )  # fmt: skip


@pytest.mark.parametrize(("shift", "index"), [(-30, 0), (30, 1)])
def test_beyond_the_volume_the_nearest_voxel_stands_for_it(shift: int, index: int) -> None:
    probability = np.zeros(SHAPE, np.float32)
    probability[11:13, 9:12, 13:15] = 0.9
    candidate = box_candidate(probability, (11, 13), (9, 12), (13, 15))
    affine = GRID.affine_lps.copy()
    affine[:3, 3] = -np.diag(affine)[:3] * shift
    place, own = native_mask(candidate, probability, GRID, Geometry((2, 2, 2), affine), 0.5)
    assert place == (slice(index, index + 1),) * 3
    assert own.tolist() == [[[True]]]


def one_box(spacing_mm: tuple[float, float, float], size: tuple[int, int, int]):
    """The finding of one solid box in a grid of its own."""
    grid = Geometry(SHAPE, np.diag([*spacing_mm, 1.0]))
    probability = np.zeros(SHAPE, np.float32)
    box = tuple(slice(3, 3 + n) for n in size)
    probability[box] = 0.9
    hu = np.full(SHAPE, -800, np.int16)
    hu[box] = 40
    candidate = make_candidate(
        probability, box, np.ones(size, bool), grid.affine_lps, grid.voxel_volume_mm3
    )
    volume = CtVolume(hu, grid, "1.2.3", None, "mhd")
    region = LungRegion(np.ones(SHAPE, bool), np.full(SHAPE, LEFT, np.uint8), grid, (False, False))
    (found,), _ = build_findings(
        volume,
        [scored(candidate, 0.6, 0.5, 0.5, grid)],
        region,
        points(),
        load_settings().pipeline,
    )
    assert found is not None
    return found


@pytest.mark.parametrize(("slices_mm", "assessed"), [(1.0, True), (2.5, True), (4.0, False)])
def test_thick_slices_assess_no_calcium_whatever_the_pixels(
    slices_mm: float, assessed: bool
) -> None:
    pixels = 4.0 if assessed else 0.5
    found = one_box((slices_mm, pixels, pixels), (6, 8, 8))
    assert (found.calcification is not None) == assessed
    assert (found.cavity_volume_mm3 is not None) == assessed


def test_a_mass_is_told_by_its_mean_diameter() -> None:
    long_and_thin = one_box((1.0, 1.4, 1.0), (6, 26, 6))
    assert long_and_thin.longest_diameter_mm > 30
    assert long_and_thin.mean_diameter_mm < 30
    assert long_and_thin.kind == "nodule"
    assert one_box((2.0, 2.0, 1.5), (18, 20, 26)).kind != "nodule"


def test_the_reason_of_a_candidate_is_its_own() -> None:
    probability = np.full(SHAPE, 0.9, np.float32)
    boxes = [((2, 5), (2, 5), (a, a + 3)) for a in (2, 8, 14, 20, 26)]
    candidates = [box_candidate(probability, *box) for box in boxes]
    nodule = np.array([0.62, 0.11, 0.71, 0.12, 0.13])
    alone = np.array([0.5, 0.4, 0.3, 0.2, 0.1])
    found, _ = built([scored(candidates[0], 0.62, 0.5, 0.4)])
    records = describe_candidates(
        candidates, nodule, alone, [found[0], found[0], None, None, None], 0.3, masses={1, 3}
    )
    assert [one.reason for one in records] == [
        "kept: nodule probability 0.620 is at or above 0.300",
        "kept: a mass that two coarse looks agree on; nodule probability 0.110",
        "dropped: all of its voxels belong to a finding of higher rank",
        "dropped: all of its voxels belong to a finding of higher rank",
        "dropped: nodule probability 0.130 is below 0.300",
    ]
    assert [one.nodule_probability for one in records] == nodule.tolist()
    assert [one.classifier_probability for one in records] == alone.tolist()
    assert [one.center_lps_mm for one in records] == [one.center_mm for one in candidates]
    assert [one.finding_id for one in records] == [1, 1, None, None, None]
