"""Each kind of case is planted once, and nothing else is found."""

import numpy as np
import pytest

from nodulus.app.data.eda.scan_facts import scan_facts
from nodulus.app.data.eda.suspicions import SuspicionKind, broken, find_suspicions
from nodulus.bundles.common.data.tables import LabelledCandidate

RIGHT, LEFT = (-40.0, 0.0, 140.0), (44.0, 0.0, 140.0)


@pytest.fixture
def cases(make_study, make_image):
    def find(*nodules, image=None, drawn=None, **other):
        study = make_study(*nodules, **other)
        facts = scan_facts(study, image or make_image(*(nodules if drawn is None else drawn)))
        return find_suspicions(study, facts)

    return find


def kinds(found):
    return [case.kind for case in found]


def test_a_sound_scan_has_none(cases, make_nodule):
    sound = make_nodule(label=1), make_nodule(LEFT, 6.0, label=2)
    candidates = (
        LabelledCandidate("1.2.3", RIGHT, True),
        LabelledCandidate("1.2.3", (0.0, 0.0, 110.0), False),
    )
    assert cases(*sound, candidates=candidates) == ()


def test_outside_the_volume(cases, make_nodule):
    (case,) = cases(make_nodule((200.0, 0.0, 140.0), label=1), drawn=())
    assert case.kind is SuspicionKind.OUTSIDE_VOLUME
    assert case.center_lps_mm == (200.0, 0.0, 140.0)


def test_outside_the_lungs(cases, make_nodule):
    assert kinds(cases(make_nodule((0.0, 0.0, 140.0), label=1))) == [SuspicionKind.OUTSIDE_LUNGS]


@pytest.mark.parametrize("diameter", [0.0, -3.0, 1.5, 150.0])
def test_impossible_size(cases, make_nodule, diameter):
    found = cases(make_nodule(diameter=diameter, label=1), drawn=[make_nodule(label=1)])
    assert kinds(found) == [SuspicionKind.SIZE_IMPOSSIBLE]
    assert f"{diameter:.1f} mm" in found[0].message


@pytest.mark.parametrize(("diameter", "found"), [(4.0, True), (7.0, False), (24.0, True)])
def test_a_label_of_another_size(cases, make_nodule, diameter, found):
    expected = [SuspicionKind.SIZE_DIFFERS] if found else []
    assert kinds(cases(make_nodule(diameter=diameter, label=1),
                       drawn=[make_nodule(label=1)])) == expected  # fmt: skip


def test_two_at_one_place(cases, make_nodule):
    near = (RIGHT[0] + 4.0, *RIGHT[1:])
    found = cases(make_nodule(label=1), make_nodule(near, 6.0, label=2), make_nodule(LEFT, label=3))
    assert kinds(found) == [SuspicionKind.SAME_PLACE]
    assert "10.0 and 6.0 mm are 4.0 mm apart" in found[0].message


def test_an_annotation_without_a_label(cases, make_nodule):
    listed = make_nodule(label=1), make_nodule(LEFT, label=2)
    image_of = [listed[0], make_nodule(LEFT)]  # drawn, not labelled
    (case,) = cases(*listed, drawn=image_of)
    assert case.kind is SuspicionKind.LABEL_MISSING
    assert case.center_lps_mm == LEFT


def test_a_label_without_an_annotation(cases, make_nodule):
    (case,) = cases(make_nodule(label=1), drawn=[make_nodule(label=1), make_nodule(LEFT, label=9)])
    assert case.kind is SuspicionKind.LABEL_UNLISTED
    assert case.label == 9
    assert case.center_lps_mm == pytest.approx(LEFT, abs=0.5)


def test_a_nodule_of_air(cases, make_nodule, make_image):
    nodule = make_nodule(label=1)
    image = make_image(nodule)
    image.hu[image.labels == 1] = -1000
    assert kinds(cases(nodule, image=image)) == [SuspicionKind.HU_IMPOSSIBLE]


def test_a_rescale_that_was_lost(cases, make_image):
    image = make_image()
    image.hu[...] += 1024
    (case,) = cases(image=image)
    assert case.kind is SuspicionKind.HU_IMPOSSIBLE
    assert case.center_lps_mm is None
    for part in ("no air", "lungs is 174"):
        assert part in case.message


def test_values_of_another_scale(cases, make_image):
    image = make_image()
    image.hu[...] = np.where(image.hu > -300, 900, image.hu)
    (case,) = cases(image=image)
    assert case.message == "the median of soft tissue is 900 HU, not -200 to 300"


def test_no_lungs(cases, make_image):
    assert kinds(cases(image=make_image(with_lungs=False))) == [SuspicionKind.NO_LUNGS]


@pytest.mark.parametrize(
    ("place", "truth", "found"),
    [(RIGHT, True, False), (RIGHT, False, True), (LEFT, True, True), (LEFT, False, False)],
)
def test_candidates_against_nodules(cases, make_nodule, place, truth, found):
    cases = cases(make_nodule(label=1), candidates=(LabelledCandidate("1.2.3", place, truth),) * 3)
    assert kinds(cases) == [SuspicionKind.CLASS_DIFFERS] * found
    assert all("and 2 more" in case.message for case in cases)


def test_an_image_that_cannot_be_read(make_study):
    case = broken(make_study(), ValueError("x.mhd: SimpleITK cannot read it"))
    assert case.kind is SuspicionKind.IMAGE_BROKEN
    assert "x.mhd" in case.message
