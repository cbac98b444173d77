"""The workers of cohort and service take their networks from the server that an option names."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from nodulus.app.chain.model_service import client
from nodulus.app.chain.model_service.remote_network import RemoteNetwork
from nodulus.app.cohort.item_runner import ItemRunner, RunnerOptions, outcome_of
from nodulus.app.cohort.items import path_item
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.model_server.loopback import listening, networks_of


def test_a_worker_has_the_networks_of_the_server(quick_bundles: Path, tmp_path: Path) -> None:
    with listening(networks_of(quick_bundles)) as url:
        options = RunnerOptions(tmp_path, quick_bundles, model_service=url)
        models = ItemRunner(pickle.loads(pickle.dumps(options))).models
    for bundle in (models.segmentation, models.nodule, models.malignancy):
        assert isinstance(bundle.network, RemoteNetwork)
    alone = RunnerOptions(tmp_path, quick_bundles)
    assert options.fingerprint() == alone.fingerprint(), "where is no matter, what is done stays"


def test_a_server_that_is_away_is_no_fault_of_the_study(
    quick_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAUSES_S", ())
    options = RunnerOptions(tmp_path, quick_bundles, model_service="http://127.0.0.1:9")
    with pytest.raises(NodulusError) as caught:
        ItemRunner(options)
    assert caught.value.code is ErrorCode.MODEL_SERVICE_NOT_REACHABLE
    outcome = outcome_of(path_item(tmp_path, "x"), "1.2", caught.value)
    assert outcome.status == "failed", "tried again with --retry-failed"
