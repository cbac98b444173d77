"""By a model service the chain finds what it finds alone; and what if the server ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import Analysis, ChainSettings, analyse, load_models
from nodulus.app.chain.model_service import client
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.model_server.protocol import Answer
from nodulus.app.volume import CtVolume
from tests.app.model_server.loopback import listening, networks_of
from tests.app.synthetic_chest import NODULES_LPS

NODULES = {tuple(round(mm) for mm in center) for center in NODULES_LPS.values()}


def places(analysis: Analysis) -> set[tuple[int, ...]]:
    return {tuple(round(mm) for mm in one.center_lps_mm) for one in analysis.findings}


@pytest.fixture(scope="module")
def slab(volume: CtVolume) -> CtVolume:
    """The slices around both nodules: a whole chest takes long in windows."""
    hu = volume.hu[34:72]
    return replace(volume, hu=hu, geometry=volume.geometry.cropped((34, 0, 0), hu.shape))


def test_the_findings_are_the_same(
    quick_bundles: Path, slab: CtVolume, chain_settings: ChainSettings
) -> None:
    alone = analyse(slab, load_models(quick_bundles, "cpu"), chain_settings)
    asked: list[str] = []
    handle = networks_of(quick_bundles)

    def noted(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        asked.append(path.split("/")[3])
        return handle(method, path, headers, body)

    with listening(noted) as url:
        models = load_models(quick_bundles, service=url)
        served = analyse(slab, models, chain_settings)
    assert places(alone) >= NODULES
    assert served.findings == alone.findings
    np.testing.assert_array_equal(served.labels, alone.labels)
    assert set(asked) == {"segmentation", "nodule", "malignancy"}
    assert [one.sha256 for one in models.info()] == [
        one.sha256 for one in load_models(quick_bundles, "cpu").info()
    ]


def test_a_server_that_ends_in_the_middle_of_a_study(
    quick_bundles: Path,
    slab: CtVolume,
    chain_settings: ChainSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PAUSES_S", (0.0,))
    handle = networks_of(quick_bundles)
    left = 5

    def ending(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        nonlocal left
        left -= 1
        if left < 0:
            return Answer(503, {"Content-Length": "0"}, b"")
        return handle(method, path, headers, body)

    with listening(ending) as url:
        models = load_models(quick_bundles, service=url)
        with pytest.raises(NodulusError) as caught:
            analyse(slab, models, chain_settings)
        assert caught.value.code is ErrorCode.MODEL_SERVICE_NOT_REACHABLE
        assert caught.value.subject == url
        left = 1000
        assert places(analyse(slab, models, chain_settings)) >= NODULES, "it is back"
