"""Fixtures of the application's tests."""

from __future__ import annotations

import pytest
import torch

from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import ChainSettings, OperatingPoints, PipelineSettings
from nodulus.app.result import OperatingPoint
from nodulus.app.volume import CtVolume
from tests.app.synthetic_chest import Brightness, MiddleMean, bundle, make_volume


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

    return ChainSettings(
        pipeline=PipelineSettings(
            patch_overlap=0.25,
            patch_batch=2,
            crop_batch=8,
            min_candidate_volume_mm3=8,
            merge_gap_mm=1,
            max_candidates=50,
            min_lung_volume_ml=200,
        ),
        operating_points=OperatingPoints(
            segmentation_voxel=point("segmentation_voxel", 0.5),
            segmentation_peak=point("segmentation_peak", 0.6),
            nodule=point("nodule", 0.3),
            malignancy=point("malignancy", 0.9),
        ),
    )


@pytest.fixture(scope="session")
def volume() -> CtVolume:
    return make_volume()
