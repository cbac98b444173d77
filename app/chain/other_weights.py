"""Warnings where other weights go under the words and the figures of the shipped ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from nodulus.app.chain.models import BUNDLES
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import ModelInfo, ResultWarning
from nodulus.bundles.common.atomic_files import sha256

_POINTS_OF = {
    "segmentation": ("segmentation_voxel", "segmentation_peak", "nodule"),
    "nodule": ("nodule",),
    "malignancy": ("malignancy",),
}
"""The operating points that a network's weights bear on; both of the first rate a nodule."""


def other_weights(
    models: Iterable[ModelInfo], points: OperatingPoints
) -> tuple[ResultWarning, ...]:
    """Say where weights are not the shipped ones and what is quoted of them is.

    A threshold's sensitivity, a version and the training data hold for the weights that they were
    written for, which checksums tell apart.

    Args:
        models: what the result says of the networks.
        points: that are applied.

    Returns:
        Nothing where all weights are the shipped ones, or what is said of them is their own.
    """
    others = [
        (info.name, info)
        for info in models
        if info.name in _POINTS_OF and info.sha256 != _shipped_checksum(info.name)
    ]
    if not others:
        return ()
    warnings = []
    shipped = _shipped_grounds()
    quoted = [
        point
        for point in dict.fromkeys(point for name, _ in others for point in _POINTS_OF[name])
        if getattr(points, point).chosen_on in shipped
    ]
    if quoted:
        warnings.append(
            ResultWarning(
                code="points-of-other-weights",
                message=f"The weights of {_listed([name for name, _ in others])} are not the"
                f" shipped ones, and these operating points are: {_listed(quoted)}. Their"
                " sensitivities and probabilities do not hold here. Choose operating points with"
                " these weights, and put operating_points.json into the models' folder.",
            )
        )
    described = [name for name, info in others if _is_described_as_shipped(name, info)]
    if described:
        warnings.append(
            ResultWarning(
                code="metadata-of-other-weights",
                message=f"The weights of {_listed(described)} are not the shipped ones, and"
                " metadata.json beside them is: version and training data that are told are not"
                " theirs. Correct version and data_source there.",
            )
        )
    return tuple(warnings)


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is_described_as_shipped(name: str, info: ModelInfo) -> bool:
    path = BUNDLES / name / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    shipped = str(metadata["version"]), str(metadata.get("data_source", ""))
    return (info.version, info.trained_on) == shipped


@lru_cache
def _shipped_checksum(name: str) -> str | None:
    path = BUNDLES / name / "models" / "model.pt"
    return sha256(path) if path.is_file() else None


@lru_cache
def _shipped_grounds() -> frozenset[str]:
    """What the shipped operating points were chosen on."""
    points = load_settings().operating_points
    chosen = [point.chosen_on for point in points.listed()]
    return frozenset([*chosen, *(one.chosen_on for one in points.nodule_choices.values())])
