"""MONAI's lung_nodule_ct_detection: a folder in its form, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nodulus.app.candidates import open_candidates
from nodulus.app.candidates.monai_detection.bundle_settings import read_detection_settings
from nodulus.app.candidates.monai_detection.retinanet import (
    load_weights,
    make_detector,
    make_network,
)
from nodulus.app.candidates.monai_detection.source import MonaiDetection
from nodulus.app.errors import NodulusError
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import ball
from tests.app.chain.turned import turned
from tests.app.synthetic_chest import NODULES_LPS

BIG = NODULES_LPS["big"]
FPN = "monai.apps.detection.networks.retinanet_network.resnet_fpn_feature_extractor"


def config(**changed: Any) -> dict[str, Any]:
    """The parts of its inference.json that say what it is, with a smaller ResNet."""
    return {
        "spatial_dims": 3,
        "num_classes": 1,
        "force_sliding_window": False,
        "size_divisible": [16, 16, 8],
        "infer_patch_size": [512, 512, 192],
        "anchor_generator": {
            "_target_": "monai.apps.detection.utils.anchor_utils.AnchorGeneratorWithAnchorShape",
            "feature_map_scales": [1, 2, 4],
            "base_anchor_shapes": [[6, 8, 4], [8, 6, 5], [10, 10, 6]],
        },
        "backbone": "$monai.networks.nets.resnet.resnet10(spatial_dims=3,n_input_channels=1,"
        "conv1_t_stride=[2,2,1],conv1_t_size=[7,7,7])",
        "feature_extractor": f"${FPN}(@backbone,3,False,[1,2],None)",
        "network_def": {
            "_target_": "RetinaNet",
            "spatial_dims": "@spatial_dims",
            "num_classes": "@num_classes",
            "num_anchors": 3,
            "feature_extractor": "@feature_extractor",
            "size_divisible": "@size_divisible",
        },
        "detector_ops": [
            "$@detector.set_target_keys(box_key='box', label_key='label')",
            ("$@detector.set_box_selector_parameters(score_thresh=0.02,"
            "topk_candidates_per_level=1000,nms_thresh=0.22,detections_per_img=300)"),
            ("$@detector.set_sliding_window_inferer(roi_size=@infer_patch_size,overlap=0.25,"
            "sw_batch_size=1,mode='constant',device='cpu')"),
        ],
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
                {"_target_": "Spacingd", "keys": "image", "pixdim": [0.703125, 0.703125, 1.25]},
                {
                    "_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -1024.0,
                    "a_max": 300.0, "b_min": 0.0, "b_max": 1.0, "clip": True,
                },
            ],
        },
    } | changed  # fmt: skip


def write_bundle(folder: Path, weights: Any = None, **changed: Any) -> Path:
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps(config(**changed)))
    metadata = {"version": "0.6.9", "name": "CT lung nodule detection"}
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    if weights is None:
        torch.manual_seed(1)
        weights = make_network(read_detection_settings(folder)).state_dict()
    torch.save(weights, folder / "models" / "model.pt")
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("monai") / "lung_nodule_ct_detection")


@pytest.fixture(scope="module")
def part(volume: CtVolume) -> CtVolume:
    """A ball in lung and nothing else, where the chest's larger nodule is."""
    i, r, c = np.rint(volume.geometry.lps_to_index(BIG)).astype(int)
    geometry = volume.geometry.cropped((i - 16, r - 20, c - 24), (32, 42, 44))
    hu = np.full(geometry.shape_irc, -850, np.int16)
    hu[ball(geometry, BIG, 9.0)] = 40
    return CtVolume(hu, geometry, "1.2.3", "1.2", "mhd")


def test_the_configs_are_read(bundle: Path) -> None:
    settings = read_detection_settings(bundle)
    assert settings.name == "CT lung nodule detection 0.6.9"
    assert settings.backbone == "resnet10"
    assert settings.returned_layers == (1, 2)
    assert settings.spacing_mm == (0.703125, 0.703125, 1.25)
    assert settings.hu == (-1024.0, 300.0)
    assert (settings.boxes.score_thresh, settings.boxes.nms_thresh) == (0.02, 0.22)
    assert settings.boxes.detections_per_img == 300
    assert settings.windows.roi_size == (512, 512, 192)
    assert settings.windows.overlap == 0.25


def test_an_older_config_with_values_in_place_is_read_alike(tmp_path: Path, bundle: Path) -> None:
    network = {**config()["network_def"], "spatial_dims": 3, "num_classes": 1}
    network["size_divisible"] = [16, 16, 8]
    older = write_bundle(tmp_path / "older", {}, network_def=network)
    assert read_detection_settings(older) == read_detection_settings(bundle)


def test_keys_of_the_state_are_those_of_monai(bundle: Path) -> None:
    keys = set(torch.load(bundle / "models" / "model.pt", weights_only=True))
    assert {
        "feature_extractor.body.conv1.weight",
        "feature_extractor.body.layer2.0.conv1.weight",
        "feature_extractor.fpn.inner_blocks.1.conv.weight",
        "feature_extractor.fpn.layer_blocks.0.conv.bias",
        "classification_head.cls_logits.weight",
        "regression_head.bbox_reg.bias",
    } <= keys or "feature_extractor.fpn.inner_blocks.1.weight" in keys
    assert not any(".layer3." in key or ".fc." in key for key in keys)


def saved(path: Path, state: dict[str, Any]) -> Path:
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"model": state, "epoch": 3},
        lambda state: {f"module.{key}": value for key, value in state.items()},
    ],
)
def test_wrapped_weights_are_the_same(tmp_path: Path, wrapped) -> None:
    given, network = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    load_weights(network, saved(tmp_path / "model.pt", wrapped(dict(given.state_dict()))))
    assert torch.equal(network.weight, given.weight)
    assert torch.equal(network.bias, given.bias)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bias": None}, "bias is missing"),
        ({"bias": torch.zeros(7)}, r"bias has the shape \(7,\), not \(2,\)"),
        ({"fc.weight": torch.zeros(1)}, "fc.weight is not of this network"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path: Path, changed, words: str) -> None:
    network = torch.nn.Linear(3, 2)
    state = {**network.state_dict(), **changed}
    state = {key: value for key, value in state.items() if value is not None}
    with pytest.raises(ValueError, match=words):
        load_weights(network, saved(tmp_path / "model.pt", state))


def test_a_file_that_is_no_weights_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", {})
    (folder / "models" / "model.pt").write_bytes(b"no weights")
    with pytest.raises(NodulusError, match="cannot be used as MONAI's"):
        open_candidates(folder, "monai", device="cpu")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"backbone": "$open('ran', 'w')"}, "only a ResNet can be made"),
        ({"backbone": "$__import__('pathlib').Path('ran').touch()"}, "only a ResNet can be made"),
        ({"feature_extractor": "$other(@backbone,3)"}, "not resnet_fpn_feature_extractor"),
        ({"detector_ops": None}, "TypeError"),
        ({"preprocessing": {"transforms": []}}, "cannot be used"),
    ],
)
def test_nothing_of_the_configs_is_run(tmp_path, changed, words, monkeypatch) -> None:
    folder = write_bundle(tmp_path / "b", {}, **changed)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NodulusError) as caught:
        open_candidates(folder, "monai", device="cpu")
    assert words in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_weights_or_of_another_bundle_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", {})
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(NodulusError, match=r"no models/model\.pt"):
        open_candidates(folder, "monai")
    (tmp_path / "other" / "configs").mkdir(parents=True)
    (tmp_path / "other" / "configs" / "inference.json").write_text('{"network_def": "UNet"}')
    with pytest.raises(NodulusError, match="neither that of MONAI's bundle"):
        open_candidates(tmp_path / "other", "monai")


class Bright(torch.nn.Module):
    """A network of the same output that finds what is bright and as wide as its anchors."""

    spatial_dims, num_classes, num_anchors, size_divisible = 3, 1, 3, (16, 16, 8)
    cls_key, box_reg_key = "classification", "box_regression"

    def forward(self, image: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        scores, boxes = [], []
        for stride in ((4, 4, 2), (8, 8, 4), (16, 16, 8)):
            mean = torch.nn.functional.avg_pool3d(image, (9, 9, 5), 1, (4, 4, 2))
            at = mean[..., :: stride[0], :: stride[1], :: stride[2]]
            scores.append(((at - 0.6) * 40).repeat(1, 3, 1, 1, 1))
            boxes.append(torch.zeros(1, 18, *at.shape[2:]))
        return {self.cls_key: scores, self.box_reg_key: boxes}


@pytest.fixture(scope="module")
def source(bundle: Path) -> MonaiDetection:
    opened = open_candidates(bundle, "monai", device="cpu")
    assert isinstance(opened, MonaiDetection)
    return opened


@pytest.mark.parametrize(
    ("axes", "flips"), [((0, 1, 2), ()), ((2, 0, 1), (0,)), ((1, 2, 0), (0, 2))]
)
def test_boxes_lie_in_the_patient_whatever_the_axes(
    part, source, axes, flips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_network", Bright())
    found = source.marks(turned(part, axes, flips), lambda done, total: None)
    assert found.algorithm == "CT lung nodule detection 0.6.9"
    best = max(found.marks, key=lambda mark: mark.probability or 0.0)
    assert best.probability == pytest.approx(1.0, abs=0.1)
    # Anchors lie 2.8 mm apart in the plane, and all that are within the ball score alike.
    assert np.linalg.norm(np.subtract(best.center_lps_mm, BIG)) < 7.0


def test_random_weights_run_through(part: CtVolume, source: MonaiDetection) -> None:
    assert source.form == "monai-bundle"
    assert len(source.sha256) == 64
    boxes, scores = source.boxes(part)
    assert boxes.shape == (len(scores), 2, 3)


def test_it_is_monais_own_network_and_detector(bundle: Path, part: CtVolume) -> None:
    """Keys, maps and boxes of MONAI's own classes, which need torchvision."""
    pytest.importorskip("torchvision", reason="MONAI's own feature extractor needs torchvision")
    from monai.apps.detection.networks.retinanet_network import (
        RetinaNet,
        resnet_fpn_feature_extractor,
    )
    from monai.networks.nets import resnet

    settings = read_detection_settings(bundle)
    backbone = getattr(resnet, settings.backbone)(**settings.backbone_arguments)
    theirs = RetinaNet(
        spatial_dims=3,
        num_classes=1,
        num_anchors=3,
        feature_extractor=resnet_fpn_feature_extractor(
            backbone, 3, False, list(settings.returned_layers), None
        ),
        size_divisible=settings.size_divisible,
    ).eval()
    torch.manual_seed(3)
    state = theirs.state_dict()
    for value in state.values():
        if value.is_floating_point():
            value += 0.02 * torch.randn_like(value).abs()
    ours = make_network(settings).eval()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    image = torch.rand(1, 1, 64, 64, 32)
    with torch.inference_mode():
        for key, maps in theirs(image).items():
            for one, other in zip(maps, ours(image)[key], strict=True):
                assert torch.equal(one, other), key
        (first,) = make_detector(settings, theirs)([image[0]])
        (second,) = make_detector(settings, ours)([image[0]])
    assert len(first["box"]) > 0
    for key, value in first.items():
        assert torch.equal(value, second[key]), key
