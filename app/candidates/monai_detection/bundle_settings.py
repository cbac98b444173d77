"""What the configs of MONAI's lung_nodule_ct_detection say of its network and its boxes.

The configs hold Python expressions. None of them is run: those that matter are calls with constant
arguments, and are read as such (`ast`), so that a bundle folder from anywhere is data alone.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

CONFIG = Path("configs", "inference.json")
METADATA = Path("configs", "metadata.json")
_REFERENCE = re.compile(r"@(\w+)")
_BACKBONE = re.compile(r"(?:monai\.networks\.nets\.)?(?:resnet\.)?(resnet\d+)")
_OWN_BACKBONE = {"spatial_dims", "n_input_channels", "conv1_t_stride", "conv1_t_size"}


@dataclass(frozen=True)
class BoxRule:
    """How boxes are chosen: of MONAI's ``RetinaNetDetector.set_box_selector_parameters``."""

    score_thresh: float = 0.05
    topk_candidates_per_level: int = 1000
    nms_thresh: float = 0.5
    detections_per_img: int = 300


@dataclass(frozen=True)
class WindowRule:
    """How a large scan is cut: of MONAI's ``set_sliding_window_inferer``."""

    roi_size: tuple[int, int, int]
    overlap: float = 0.5
    mode: str = "constant"
    always: bool = False


@dataclass(frozen=True)
class DetectionSettings:
    """What the chain needs to know of the bundle.

    Args:
        name: of the bundle, with its version.
        backbone: MONAI's function that makes the ResNet, ``resnet50``.
        backbone_arguments: its arguments.
        returned_layers: of the ResNet whose features the pyramid takes.
        num_anchors: of each place.
        size_divisible: what the network's input is a multiple of, in voxels.
        anchor_shapes: base anchors, voxels of the network's input.
        anchor_scales: of each level of the pyramid.
        spacing_mm: of the network's input along x, y, z of RAS.
        hu: what is scaled to 0 and 1.
        boxes: how boxes are chosen.
        windows: how a large scan is cut.
    """

    name: str
    backbone: str
    backbone_arguments: Mapping[str, Any]
    returned_layers: tuple[int, ...]
    num_anchors: int
    size_divisible: tuple[int, int, int]
    anchor_shapes: tuple[tuple[int, int, int], ...]
    anchor_scales: tuple[float, ...]
    spacing_mm: tuple[float, float, float]
    hu: tuple[float, float]
    boxes: BoxRule
    windows: WindowRule


def is_detection_bundle(folder: Path) -> bool:
    """Whether a folder is a MONAI bundle whose network is a RetinaNet."""
    try:
        return "RetinaNet" in json.dumps(_json(folder / CONFIG)["network_def"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_detection_settings(folder: Path) -> DetectionSettings:
    """Read the configs of a bundle folder as it is downloaded.

    Args:
        folder: with ``configs/inference.json`` and, where there is one, ``configs/metadata.json``.

    Raises:
        ValueError: a part is not in the form that the bundle has; says which.
        OSError: the config cannot be read.
    """
    config = _json(folder / CONFIG)
    try:
        return _settings(config, _name(folder))
    except (KeyError, TypeError, SyntaxError, IndexError) as error:
        raise ValueError(f"configs/inference.json: {type(error).__name__}: {error}") from error


def _settings(config: Mapping[str, Any], name: str) -> DetectionSettings:
    network = {key: _resolved(value, config) for key, value in config["network_def"].items()}
    if network["spatial_dims"] != 3 or network["num_classes"] != 1:
        raise ValueError("its network_def is not of three dimensions and one class")
    called, arguments, options = _call(config["backbone"], config)
    match = _BACKBONE.fullmatch(called)
    if not match or arguments or not set(options) <= _OWN_BACKBONE:
        raise ValueError(f"its backbone is {config['backbone']!r}, and only a ResNet can be made")
    called, arguments, more = _call(config["feature_extractor"], config)
    if not called.endswith("resnet_fpn_feature_extractor"):
        raise ValueError(f"its feature_extractor is {called}, not resnet_fpn_feature_extractor")
    places = ("backbone", "spatial_dims", "pretrained_backbone", "returned_layers")
    given = {**dict(zip(places, arguments, strict=False)), **more}
    selector, window = BoxRule(), WindowRule(tuple(config["infer_patch_size"]))
    for one in config["detector_ops"]:
        called, _, options_of_call = _call(one, config)
        if called.endswith("set_box_selector_parameters"):
            selector = BoxRule(**_known(options_of_call, BoxRule))
        elif called.endswith("set_sliding_window_inferer"):
            window = WindowRule(**_known(options_of_call, WindowRule))
    steps = config["preprocessing"]["transforms"]
    spacing = next(step for step in steps if step["_target_"] == "Spacingd")
    scale = next(step for step in steps if step["_target_"] == "ScaleIntensityRanged")
    if (scale["b_min"], scale["b_max"], scale["clip"]) != (0.0, 1.0, True):
        raise ValueError("its intensities are not scaled to 0 to 1")
    anchors = config["anchor_generator"]
    always = bool(_resolved(config.get("force_sliding_window", False), config))
    return DetectionSettings(
        name=name,
        backbone=match.group(1),
        backbone_arguments=options,
        returned_layers=tuple(given["returned_layers"]),
        num_anchors=network["num_anchors"],
        size_divisible=_three(network["size_divisible"]),
        anchor_shapes=tuple(_three(shape) for shape in anchors["base_anchor_shapes"]),
        anchor_scales=tuple(anchors["feature_map_scales"]),
        spacing_mm=_three(spacing["pixdim"]),
        hu=(float(scale["a_min"]), float(scale["a_max"])),
        boxes=selector,
        windows=WindowRule(_three(window.roi_size), window.overlap, window.mode, always),
    )


def _name(folder: Path) -> str:
    try:
        metadata = _json(folder / METADATA)
        return f"{metadata.get('name') or 'MONAI lung_nodule_ct_detection'} {metadata['version']}"
    except (OSError, ValueError, KeyError):
        return "MONAI lung_nodule_ct_detection"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _three(values: Sequence[Any]) -> tuple[Any, Any, Any]:
    a, b, c = values
    return a, b, c


def _known(options: Mapping[str, Any], of: type[BoxRule] | type[WindowRule]) -> dict[str, Any]:
    """The options that a rule has; others say how it computes, not what."""
    names = {one.name for one in fields(of)}
    return {key: value for key, value in options.items() if key in names}


def _call(expression: str, config: Mapping[str, Any]) -> tuple[str, list[Any], dict[str, Any]]:
    """The function, arguments and options of an expression that is one call, nothing run."""
    text = _REFERENCE.sub(r"_at_\1", expression.removeprefix("$"))
    tree = ast.parse(text, mode="eval").body
    if not isinstance(tree, ast.Call):
        raise ValueError(f"{expression!r} is no call")
    arguments = [_value(one, config) for one in tree.args]
    options = {one.arg: _value(one.value, config) for one in tree.keywords if one.arg}
    return ast.unparse(tree.func), arguments, options


def _value(node: ast.expr, config: Mapping[str, Any]) -> Any:
    """A constant; the config's own where it refers to one."""
    if isinstance(node, ast.Name) and node.id.startswith("_at_"):
        return config.get(node.id.removeprefix("_at_"))
    return ast.literal_eval(node)


def _resolved(value: Any, config: Mapping[str, Any]) -> Any:
    """What a value that is a reference (``@spatial_dims``) refers to."""
    if isinstance(value, str) and value.startswith("@"):
        return config.get(value[1:])
    return value
