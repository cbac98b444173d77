"""MONAI's RetinaNet of a bundle's settings and weights, made without torchvision.

MONAI's own ``resnet_fpn_feature_extractor`` needs torchvision for one class that hands on the
features of some layers, and one function that counts layers for training. Everything else is
MONAI's: the ResNet, the feature pyramid, both heads, the anchors, the choice of boxes and the
suppression of those that overlap.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.networks.retinanet_network import RetinaNet
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool
from monai.networks.nets import resnet

from nodulus.app.candidates.monai_detection.bundle_settings import DetectionSettings

_PYRAMID_CHANNELS = 256
"""As MONAI's ``_resnet_fpn_extractor`` has it."""


class FeaturesOfLayers(torch.nn.ModuleDict):
    """The layers of a ResNet up to the last one that is wanted; gives the features of some.

    Args:
        backbone: its children run one after the other.
        wanted: names of the layers whose features are given, in their order.
    """

    def __init__(self, backbone: torch.nn.Module, wanted: tuple[str, ...]) -> None:
        layers: dict[str, torch.nn.Module] = {}
        for name, layer in backbone.named_children():
            layers[name] = layer
            if name == wanted[-1]:
                break
        if not set(wanted) <= set(layers):
            raise ValueError(f"the backbone has no layers {', '.join(wanted)} in this order")
        super().__init__(layers)
        self._wanted = wanted

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """The features of the wanted layers by their position, ``0``, ``1`` and so on."""
        features = OrderedDict()
        for name, layer in self.items():
            x = layer(x)
            if name in self._wanted:
                features[str(self._wanted.index(name))] = x
        return features


class PyramidOfResNet(torch.nn.Module):
    """ResNet features and the pyramid above them; state as of MONAI's ``BackboneWithFPN``.

    Args:
        settings: of the bundle.
    """

    def __init__(self, settings: DetectionSettings) -> None:
        super().__init__()
        backbone = getattr(resnet, settings.backbone)(**settings.backbone_arguments)
        stage2 = backbone.in_planes // 8
        self.body = FeaturesOfLayers(backbone, tuple(f"layer{n}" for n in settings.returned_layers))
        self.fpn = FeaturePyramidNetwork(
            spatial_dims=3,
            in_channels_list=[stage2 * 2 ** (n - 1) for n in settings.returned_layers],
            out_channels=_PYRAMID_CHANNELS,
            extra_blocks=LastLevelMaxPool(3),
        )
        self.out_channels = _PYRAMID_CHANNELS

    def forward(self, x: torch.Tensor) -> Any:
        """Feature maps from the finest to the coarsest."""
        return self.fpn(self.body(x))


def make_network(settings: DetectionSettings) -> RetinaNet:
    """Make the network, with random weights.

    Args:
        settings: of the bundle.
    """
    return RetinaNet(
        spatial_dims=3,
        num_classes=1,
        num_anchors=settings.num_anchors,
        feature_extractor=PyramidOfResNet(settings),
        size_divisible=settings.size_divisible,
    )


def make_detector(settings: DetectionSettings, network: torch.nn.Module) -> RetinaNetDetector:
    """Make what turns images into boxes.

    Args:
        settings: of the bundle.
        network: from `make_network`.
    """
    anchors = AnchorGeneratorWithAnchorShape(
        feature_map_scales=settings.anchor_scales,
        base_anchor_shapes=settings.anchor_shapes,
    )
    detector = RetinaNetDetector(network, anchors)
    detector.set_target_keys(box_key="box", label_key="label")
    boxes, windows = settings.boxes, settings.windows
    detector.set_box_selector_parameters(
        score_thresh=boxes.score_thresh,
        topk_candidates_per_level=boxes.topk_candidates_per_level,
        nms_thresh=boxes.nms_thresh,
        detections_per_img=boxes.detections_per_img,
    )
    detector.set_sliding_window_inferer(
        roi_size=windows.roi_size,
        overlap=windows.overlap,
        sw_batch_size=1,
        mode=windows.mode,
        device="cpu",
    )
    detector.eval()
    return detector


def load_weights(network: torch.nn.Module, path: Path) -> None:
    """Put a bundle's weights into the network, key by key.

    Args:
        network: from `make_network`.
        path: of ``model.pt``: a state dictionary, or one under ``model`` or ``state_dict``.

    Raises:
        ValueError: a key is missing, left over, or of another shape; names the first ones.
        Exception: torch's own, where the file is none of its.
    """
    given = torch.load(path, map_location="cpu", weights_only=True)
    for wrapper in ("model", "state_dict", "network"):
        if isinstance(given, dict) and isinstance(given.get(wrapper), dict):
            given = given[wrapper]
    state = {key.removeprefix("module."): value for key, value in dict(given).items()}
    own = network.state_dict()
    wrong = [
        *(f"{key} is missing" for key in own if key not in state),
        *(f"{key} is not of this network" for key in state if key not in own),
        *(
            f"{key} has the shape {tuple(state[key].shape)}, not {tuple(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape
        ),
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError("; ".join(wrong[:3]) + more)
    network.load_state_dict(state)
