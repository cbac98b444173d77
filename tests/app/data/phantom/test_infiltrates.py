"""Consolidations and ground glass: where they lie, and that nodules stay clear."""

import numpy as np
import pytest

from nodulus.app.data.phantom.airway_disease import AIRWAY_KINDS
from nodulus.app.data.phantom.background import read_background
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one
from nodulus.app.data.phantom.infiltrates import PATCH_KINDS, add_disease, draw_counts
from nodulus.app.data.phantom.luna16_candidates import CLEAR_OF_NODULES_MM
from nodulus.app.data.phantom.recipe import InfiltrateRecipe
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.nodule_position import LungField

SICK = InfiltrateRecipe(
    probability=1.0, background_probability=1.0, patches=(8, 8), airway_changes=(3, 3)
)


@pytest.fixture(scope="module")
def lung():
    """A block of lung with a wall about it, a vessel and noise; 1.5 mm slices."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1.0], [0, 1.0, 0], [1.5, 0, 0]])
    geometry = Geometry((70, 120, 120), affine)
    lungs = np.zeros(geometry.shape_irc, bool)
    lungs[6:-6, 10:-10, 10:-10] = True
    hu = np.where(lungs, -860.0, 40.0).astype(np.float32)
    hu[:, 58:62, 58:62] = 40.0
    hu += np.random.default_rng(0).normal(0, 15, hu.shape).astype(np.float32)
    return hu, lungs, geometry, LungField.of(lungs, geometry, hu)


def sicken(lung, seed=0, labels=None, avoid=()):
    hu, lungs, geometry, field = lung
    new = hu.copy()
    labels = np.zeros(hu.shape, np.uint8) if labels is None else labels
    disease = add_disease(
        new, labels, geometry, field, lungs, SICK, np.random.default_rng(seed),
        on_background=False, avoid=avoid,
    )  # fmt: skip
    return new, disease


def test_infiltrates_are_dense_lie_in_the_lungs_and_are_listed(lung):
    hu, lungs, geometry, _ = lung
    kinds = set()
    for seed in range(6):
        new, disease = sicken(lung, seed)
        np.testing.assert_array_equal(new[~lungs], hu[~lungs])
        assert disease.lesions
        for lesion in disease.lesions:
            kinds.add(lesion.kind)
            index = tuple(np.round(geometry.lps_to_index(lesion.center_xyz)).astype(int))
            assert lungs[index]
            assert new[index] > hu[index] + 30
        changed = new != hu
        assert 0.002 < changed[lungs].mean() < 0.8
    assert len(kinds & set(PATCH_KINDS)) >= 4
    assert len(kinds & set(AIRWAY_KINDS)) >= 2


def test_vessels_and_noise_go_on_in_ground_glass(lung):
    hu, *_ = lung
    new, _ = sicken(lung, 1)
    gain = new - hu
    glass = (gain > 100) & (gain < 350)
    assert glass.any()
    residual = (new[1:-1] - 0.5 * (new[:-2] + new[2:]))[glass[1:-1]]
    assert np.median(np.abs(residual)) > 8
    assert np.all(new[hu > 0] > -60)


def test_a_nodule_stays_as_it_is_and_clear(lung):
    hu, lungs, geometry, field = lung
    labels = np.zeros(hu.shape, np.uint8)
    labels[32:38, 80:90, 30:40] = 1
    with_nodule = np.where(labels > 0, 30.0, hu).astype(np.float32)
    hidden = with_nodule.copy()
    for seed in range(12):  # many, and no sphere to avoid
        add_disease(
            hidden, labels, geometry, field, lungs, SICK, np.random.default_rng(seed),
            on_background=False,
        )  # fmt: skip
    assert np.mean((hidden - hu)[20:50, 70:100, 20:50] > 60) > 0.1
    np.testing.assert_array_equal(hidden[labels > 0], with_nodule[labels > 0])
    near = hidden[32:38, 78:80, 30:40]
    np.testing.assert_array_equal(near, hu[32:38, 78:80, 30:40])


def test_what_is_to_be_avoided_is_not_the_middle_of_an_infiltrate(lung):
    sphere = ((60.0, 100.0, 30.0), 25.0)
    for seed in range(5):
        for lesion in sicken(lung, seed, avoid=(sphere,))[1].lesions:
            assert np.linalg.norm(np.subtract(lesion.center_xyz, sphere[0])) > 0.6 * sphere[1]


def test_the_share_of_studies_is_the_recipes():
    recipe = InfiltrateRecipe(probability=0.3, background_probability=0.8)
    rng = np.random.default_rng(0)
    for on_background, share in ((False, 0.3), (True, 0.8)):
        counts = [draw_counts(recipe, on_background, rng) for _ in range(600)]
        assert np.mean([c[0] > 0 for c in counts]) == pytest.approx(share, abs=0.06)
        assert max(c[0] for c in counts) <= recipe.patches[1]
        assert min(c[0] for c in counts if c[0]) == 1


def test_the_same_seed_gives_the_same_disease(lung):
    (first, a), (again, b), (other, _) = sicken(lung, 3), sicken(lung, 3), sicken(lung, 4)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert a.lesions == b.lesions


@pytest.mark.parametrize("on_background", [False, True])
def test_a_sick_study_differs_in_its_infiltrates_alone(
    small_plan, mhd_copy, tmp_path, on_background
):
    background = mhd_copy if on_background else None
    sick = small_plan.recipe.model_copy(update={"infiltrates": SICK})
    well, ill = (
        make_one(DatasetPlan(tmp_path, 3, recipe, background=background), 0)
        for recipe in (small_plan.recipe, sick)
    )
    np.testing.assert_array_equal(well.labels, ill.labels)
    assert well.nodules == ill.nodules
    found = [f for f in ill.findings if f not in well.findings]
    assert len(found) >= 5
    assert {f.kind for f in found} <= {*PATCH_KINDS, *AIRWAY_KINDS}
    inside = well.labels > 0
    if on_background:
        np.testing.assert_array_equal(well.hu[inside], ill.hu[inside])
        lungs = read_background(mhd_copy).lungs
        np.testing.assert_array_equal(well.hu[~lungs], ill.hu[~lungs])
    negatives = np.array([c.center_lps_mm for c in ill.candidates if c.label == 0])
    marked = ill.geometry.index_to_lps(np.argwhere(inside))
    for finding in found:
        center = np.array(finding.center_xyz)
        if np.linalg.norm(marked - center, axis=1).min() > CLEAR_OF_NODULES_MM + 1:
            assert np.linalg.norm(negatives - center, axis=1).min() < 0.6 * finding.size_mm + 8
