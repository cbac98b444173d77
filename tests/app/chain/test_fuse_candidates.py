"""Candidates of several sources: each place once, with who has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import pytest

from nodulus.app.chain import Analysis, ChainSettings, Models, analyse
from nodulus.app.chain.fuse_candidates import pooled_probability
from nodulus.app.chain.protocols import Detection
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings_sections import FusionSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.app.marks import Mark, MarkedVoxels, Marks, OtherCandidates
from nodulus.app.result import CandidateSourceInfo, Finding, Sighting, SourceForm
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.candidates.files import EVEN_LPS, FAINT_LPS, FAINT_RADIUS, ball, with_faint_ball
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]
OWN = "nodulus-segmentation"
analyse_module = import_module("nodulus.app.chain.analyse")


@dataclass(frozen=True)
class Given:
    """A detector of one's own: the interface of `CandidateSource` and nothing more."""

    name: str
    given: Sequence[Mark]
    form: SourceForm = "table"
    sha256: str | None = None

    def marks(self, volume: CtVolume, report) -> Marks:
        return Marks(tuple(self.given))


@pytest.fixture(scope="module")
def faint(volume: CtVolume) -> CtVolume:
    return with_faint_ball(volume)


class Known:
    """A detector that has looked already: it takes most of the time, and is the same each time."""

    def __init__(self, detection: Detection) -> None:
        self.detection = detection

    def detect(self, scan, settings, steps) -> Detection:
        return self.detection


@pytest.fixture(scope="module")
def known(faint: CtVolume, models: Models, chain_settings: ChainSettings):
    """Models whose detector has looked at the scan, and what `analyse` makes of the scan first."""
    lungs = analyse_module._find_lungs(faint, chain_settings)
    scan = ScanViews(faint, lungs, chain_settings.pipeline.lung_margin_mm)
    looked = replace(models)
    detection = models.detector.detect(scan, chain_settings, Steps())
    looked.__dict__["detector"] = Known(detection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analyse_module, "_find_lungs", lambda *_: lungs)
        patch.setattr(analyse_module, "ScanViews", lambda *_: scan)
        yield looked


@pytest.fixture(scope="module")
def run(faint: CtVolume, known: Models, chain_settings: ChainSettings):
    def analysed(*sources: Given, only: bool = False, **fusion: object) -> Analysis:
        pipeline = chain_settings.pipeline.model_copy(
            update={"fusion": FusionSettings.model_validate(fusion)}
        )
        settings = chain_settings.model_copy(update={"pipeline": pipeline})
        return analyse(faint, known, settings, others=OtherCandidates(sources, only))

    return analysed


@pytest.fixture(scope="module")
def alone(run) -> Analysis:
    return run()


def near(analysis: Analysis, point: Sequence[float]) -> Finding | None:
    found = [
        f for f in analysis.findings if np.linalg.norm(np.subtract(f.center_lps_mm, point)) < 4
    ]
    assert len(found) <= 1
    return found[0] if found else None


def names(finding: Finding) -> list[str]:
    return [one.source for one in finding.seen_by]


def region(geometry: Geometry, center: Sequence[float], radius: float) -> MarkedVoxels:
    mask = ball(geometry, center, radius)
    index = np.argwhere(mask)
    low, high = index.min(axis=0), index.max(axis=0) + 1
    i, r, c = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return MarkedVoxels(geometry, (i, r, c), mask[i, r, c])


def test_without_other_sources_nothing_is_said_of_them(alone) -> None:
    assert near(alone, FAINT_LPS) is None
    assert len(alone.findings) == 2
    for one in (*alone.findings, *alone.candidates):
        assert "seen_by" not in one.model_dump()
        assert "outlined_by" not in one.model_dump()
    assert alone.sources == ()


def test_a_mark_on_a_finding_changes_nothing_of_it(alone, run) -> None:
    fused = run(Given("theirs", [Mark((BIG[0] + 3, BIG[1], BIG[2]))]))
    assert len(fused.findings) == len(alone.findings)
    for before, after in zip(alone.findings, fused.findings, strict=True):
        plain = after.model_copy(update={"seen_by": (), "outlined_by": None})
        assert plain == before
        assert after.outlined_by == "segmentation"
    big, small = near(fused, BIG), near(fused, SMALL)
    assert big is not None
    assert small is not None
    assert names(big) == [OWN, "theirs"]
    assert names(small) == [OWN]
    assert big.seen_by[1].center_lps_mm == (BIG[0] + 3, BIG[1], BIG[2])
    assert np.array_equal(fused.labels, alone.labels)
    assert [(s.name, s.form, s.marks) for s in fused.sources] == [
        (OWN, "segmentation", len(alone.candidates)),
        ("theirs", "table", 1),
    ]


def test_a_place_that_the_segmentation_misses_is_found_by_a_sure_mark(run, faint) -> None:
    fused = run(Given("theirs", [Mark(FAINT_LPS, 0.99)]))
    found = near(fused, FAINT_LPS)
    assert found is not None
    assert names(found) == ["theirs"]
    assert found.outlined_by == "grown"
    assert found.segmentation_probability < 0.05
    # Half-way between the ball's density and the lung's, so within a voxel of its surface.
    assert found.equivalent_diameter_mm == pytest.approx(2 * FAINT_RADIUS, abs=2.0)
    mask = fused.labels == found.id
    assert faint.hu[mask].mean() == pytest.approx(found.mean_hu)
    assert (mask & ~ball(faint.geometry, FAINT_LPS, FAINT_RADIUS + 1.5)).sum() == 0
    record = next(c for c in fused.candidates if c.finding_id == found.id)
    assert record.seen_by == found.seen_by


def test_an_unsure_mark_there_is_dropped_with_the_reason(run) -> None:
    fused = run(Given("theirs", [Mark(FAINT_LPS)]))
    assert near(fused, FAINT_LPS) is None
    (record,) = [c for c in fused.candidates if [s.source for s in c.seen_by] == ["theirs"]]
    assert record.reason.startswith("dropped: nodule probability")


def test_an_outline_of_a_source_is_measured_as_it_is(run, faint) -> None:
    voxels = region(faint.geometry, FAINT_LPS, 5.0)
    fused = run(Given("theirs", [Mark(FAINT_LPS, 0.99, voxels)], "label-map"))
    found = near(fused, FAINT_LPS)
    assert found is not None
    assert found.outlined_by == "source"
    assert np.array_equal(fused.labels == found.id, ball(faint.geometry, FAINT_LPS, 5.0))
    assert found.mean_hu == pytest.approx(-600, abs=5)


def test_an_outline_on_another_grid_is_carried_over(run, faint) -> None:
    affine = np.zeros((4, 4))
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, -0.6, 0), (0, 0, -0.6), (-0.6, 0, 0)
    affine[:3, 3], affine[3, 3] = (74, -28, 47), 1
    voxels = region(Geometry((40, 40, 40), affine), FAINT_LPS, 5.0)
    found = near(run(Given("theirs", [Mark(FAINT_LPS, 0.99, voxels)])), FAINT_LPS)
    assert found is not None
    assert found.center_lps_mm == pytest.approx(FAINT_LPS, abs=0.5)
    assert found.equivalent_diameter_mm == pytest.approx(10.0, abs=0.8)


def test_beside_the_segmentation_its_outline_counts_alone_the_sources(run, faint, alone) -> None:
    drawn = Mark(BIG, None, region(faint.geometry, BIG, 6.0))
    own, before = near(run(Given("theirs", [drawn])), BIG), near(alone, BIG)
    assert own is not None
    assert before is not None
    assert (own.outlined_by, own.volume_mm3) == ("segmentation", before.volume_mm3)
    fused = run(Given("theirs", [drawn]), only=True)
    (taken,) = fused.findings
    assert taken.outlined_by == "source"
    assert names(taken) == [OWN, "theirs"]
    assert np.array_equal(fused.labels > 0, ball(faint.geometry, BIG, 6.0))


def test_with_only_what_no_source_marks_is_dropped_with_the_reason(run) -> None:
    fused = run(Given("theirs", [Mark(BIG)]), only=True)
    (finding,) = fused.findings
    assert finding.outlined_by == "segmentation"
    assert near(fused, SMALL) is None
    reasons = {c.reason for c in fused.candidates if not c.kept}
    assert "dropped: none of the given candidates marks it" in reasons


def test_duplicates_of_one_source_and_of_several_are_one(run) -> None:
    first = Given("first", [Mark(FAINT_LPS, 0.6), Mark((63.0, -41.0, 35.0), 0.99)])
    second = Given("second", [Mark((61.0, -39.0, 36.0), 0.7), Mark(SMALL, 0.1)])
    fused = run(first, second)
    found, small = near(fused, FAINT_LPS), near(fused, SMALL)
    assert found is not None
    assert small is not None
    assert [(s.source, s.probability) for s in found.seen_by] == [("first", 0.99), ("second", 0.7)]
    assert names(small) == [OWN, "second"]
    assert len(fused.findings) == 3


def test_two_masks_that_touch_stay_two(run, faint) -> None:
    left, right = (SMALL[0] - 4.0, *SMALL[1:]), (SMALL[0] + 4.0, *SMALL[1:])
    marks = [Mark(p, 0.99, region(faint.geometry, p, 3.9)) for p in (left, right)]
    fused = run(Given("theirs", marks), only=True)
    assert len([c for c in fused.candidates if "theirs" in [s.source for s in c.seen_by]]) == 2


def test_a_mark_outside_of_the_lungs_is_looked_at(run, faint) -> None:
    wall = (0.0, 40.0, 0.0)
    fused = run(Given("theirs", [Mark(wall)]))
    (record,) = [c for c in fused.candidates if [s.source for s in c.seen_by] == ["theirs"]]
    assert np.linalg.norm(np.subtract(record.center_lps_mm, wall)) < 12
    assert len(fused.findings) == 2


def test_specks_of_a_mask_are_dropped_with_the_reason(run, faint) -> None:
    voxel = faint.geometry.index_to_lps((68, 87, 151)).tolist()
    speck = region(faint.geometry, voxel, 0.9)
    fused = run(Given("theirs", [Mark(tuple(voxel), 0.99, speck)]))
    (record,) = [c for c in fused.candidates if [s.source for s in c.seen_by] == ["theirs"]]
    assert record.reason == "dropped: smaller than 8 mm3"


def test_a_place_without_any_outline_is_warned_of(known, chain_settings, faint) -> None:
    given = Given("theirs", [Mark(EVEN_LPS, 1.0)])
    points = chain_settings.operating_points
    nodule = points.nodule.model_copy(update={"threshold": 0.0})
    settings = chain_settings.model_copy(
        update={"operating_points": points.model_copy(update={"nodule": nodule})}
    )
    fused = analyse(faint, known, settings, others=OtherCandidates((given,), True))
    (finding,) = fused.findings
    assert finding.outlined_by == "ball"
    (warning,) = [w for w in fused.warnings if w.code == "outline-unknown"]
    assert warning.message.startswith("Finding 1: no outline was found")


def test_sources_of_one_name_are_refused(run) -> None:
    with pytest.raises(ValueError, match="one name"):
        run(Given("theirs", []), Given("theirs", []))


def source(name: str, weight: float) -> CandidateSourceInfo:
    return CandidateSourceInfo(name=name, form="table", weight=weight, marks=1)


def sighting(name: str, probability: float | None) -> Sighting:
    return Sighting(source=name, probability=probability, center_lps_mm=(0, 0, 0))


@pytest.mark.parametrize(
    ("rule", "weights", "seen", "expected"),
    [
        ("highest", (1, 1, 1), {"a": 0.9}, 0.9),
        ("highest", (1, 0.5, 1), {"a": 0.9}, 0.45),
        ("highest", (1, 0.2, 1), {"a": 0.9}, 0.4),
        ("highest", (1, 1, 1), {"a": None, "b": 0.5}, 0.5),
        ("highest", (0, 0, 0), {"a": 0.9}, 0.4),
        ("mean", (1, 1, 1), {"a": 0.8, "b": 0.6}, 0.6),
        ("mean", (1, 1, 1), {"a": 0.8}, 0.4),
        ("mean", (0, 1, 0), {"a": 0.8}, 0.8),
        ("mean", (0, 0, 0), {"a": 0.8}, 0.4),
    ],
)
def test_weights_and_rule(rule, weights, seen, expected) -> None:
    sources = [source(n, w) for n, w in zip((OWN, "a", "b"), weights, strict=True)]
    fusion = FusionSettings(rule=rule)
    marks = [sighting(name, p) for name, p in seen.items()]
    assert pooled_probability(0.4, marks, sources, fusion) == pytest.approx(expected)


def test_weights_come_from_the_settings_by_name(run) -> None:
    surely = Given("theirs", [Mark(FAINT_LPS, 0.99)])
    assert near(run(surely, weights={"theirs": 0.05}), FAINT_LPS) is None
    assert near(run(surely, other_weight=0.05), FAINT_LPS) is None
    assert near(run(surely, other_weight=0.05, weights={"theirs": 1.0}), FAINT_LPS) is not None
    with pytest.raises(ValueError, match="a weight is 0 to 1"):
        FusionSettings(weights={"theirs": 2.0})


def test_a_further_source_lowers_no_finding_by_the_highest(run, alone) -> None:
    doubting = Given("doubting", [Mark(BIG, 0.01), Mark(SMALL, 0.02)])
    fused = run(doubting)
    for before in alone.findings:
        after = near(fused, before.center_lps_mm)
        assert after is not None
        assert after.nodule_probability == before.nodule_probability
    lowered = run(doubting, rule="mean")
    small = near(lowered, SMALL)
    before = near(alone, SMALL)
    assert before is not None
    assert small is None or small.nodule_probability < before.nodule_probability
