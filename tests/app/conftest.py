"""Fixtures of the application's tests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import (
    ChainSettings,
    OperatingPoints,
    PipelineSettings,
    load_settings,
)
from nodulus.app.result import OperatingPoint
from nodulus.app.volume import CtVolume
from tests.app.deploy.orthanc_server import why_not
from tests.app.deploy.own_network import own_network
from tests.app.synthetic_chest import Brightness, MiddleMean, bundle, make_volume

NETWORKS = {"segmentation": "Brightness", "nodule": "MiddleMean", "malignancy": "MiddleMean"}


@pytest.fixture(scope="session")
def models() -> Models:
    return Models(
        bundle("segmentation", Brightness()),  # type: ignore[arg-type]
        bundle("nodule", MiddleMean()),  # type: ignore[arg-type]
        bundle("malignancy", MiddleMean()),  # type: ignore[arg-type]
        torch.device("cpu"),
    )


@pytest.fixture(scope="session")
def chain_settings() -> ChainSettings:
    def point(name: str, threshold: float) -> OperatingPoint:
        return OperatingPoint(name=name, threshold=threshold, chosen_on="a test")

    shipped = load_settings().pipeline
    return ChainSettings(
        pipeline=PipelineSettings(
            patch_overlap=0.25,
            patch_batch=2,
            crop_batch=8,
            min_candidate_volume_mm3=8,
            merge_gap_mm=1,
            max_candidates=50,
            min_lung_volume_ml=200,
            min_cut_lung_volume_ml=50,
            malignancy_neutral_mm=10,
            texture=shipped.texture,
            lesion_kind=shipped.lesion_kind,
            laterality=shipped.laterality,
            lobe=shipped.lobe,
            fissures=shipped.fissures,
            contents=shipped.contents,
            pleura=shipped.pleura,
            coverage=shipped.coverage,
            point=shipped.point,
        ),
        operating_points=OperatingPoints(
            segmentation_voxel=point("segmentation_voxel", 0.5),
            segmentation_peak=point("segmentation_peak", 0.6),
            nodule=point("nodule", 0.3),
            malignancy=point("malignancy", 0.9),
        ),
    )


@pytest.fixture
def fake_models(
    monkeypatch: pytest.MonkeyPatch, models: Models, chain_settings: ChainSettings
) -> None:
    """Whoever loads networks and settings gets the tests' own."""
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_, **__: models)
    monkeypatch.setattr("nodulus.app.chain.load_settings", lambda *_, **__: chain_settings)


@pytest.fixture(scope="session")
def volume() -> CtVolume:
    return make_volume()


@pytest.fixture(scope="session")
def quick_bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles whose networks have no weights and are done at once."""
    root = tmp_path_factory.mktemp("bundles")
    for name, network in NETWORKS.items():
        (root / name / "configs").mkdir(parents=True)
        (root / name / "models").mkdir()
        size = {"roi_size": [96] * 3} if name == "segmentation" else {"crop_size": [48] * 3}
        inference = {
            "network_def": {"_target_": f"tests.app.synthetic_chest.{network}"},
            "spacing_mm": 1.0,
            "window_hu": [-1000, 400],
            **size,
        }
        (root / name / "configs" / "inference.json").write_text(json.dumps(inference))
        metadata = {"version": "0.0.1", "data_source": "nothing"}
        (root / name / "configs" / "metadata.json").write_text(json.dumps(metadata))
        torch.save({}, root / name / "models" / "model.pt")
    return root


@pytest.fixture(scope="module")
def alone() -> Iterator[None]:
    """A network of this test's own, in which an Orthanc can run."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(own_network())
        except OSError as error:
            pytest.skip(f"no network name space here: {error}")
        yield
