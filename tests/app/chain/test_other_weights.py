"""Weights of one's own never pass for the shipped ones."""

from __future__ import annotations

import json

import pytest

from nodulus.app.chain.models import BUNDLES
from nodulus.app.chain.other_weights import other_weights
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import ModelInfo
from nodulus.bundles.common.atomic_files import sha256

NAMES = ("segmentation", "nodule", "malignancy")


def shipped(name: str) -> ModelInfo:
    metadata = json.loads((BUNDLES / name / "configs" / "metadata.json").read_text())
    return ModelInfo(
        name=name,
        version=metadata["version"],
        sha256=sha256(BUNDLES / name / "models" / "model.pt"),
        trained_on=metadata["data_source"],
    )


def with_others(*names: str, **update: str) -> list[ModelInfo]:
    other = {"sha256": "ab" * 32, **update}
    return [shipped(n).model_copy(update=other if n in names else {}) for n in NAMES]


def own_points(*names: str) -> OperatingPoints:
    points = load_settings().operating_points
    own = {
        name: getattr(points, name).model_copy(update={"chosen_on": "my scans"}) for name in names
    }
    return points.model_copy(update=own)


def test_the_shipped_weights_have_no_warning() -> None:
    for point in (None, "sensitive", "balanced", "specific"):
        points = load_settings(operating_point=point).operating_points
        assert other_weights(with_others(), points) == ()


@pytest.mark.parametrize(
    ("others", "own", "named"),
    [
        (
            ("nodule",),
            (),
            "nodule are not the shipped ones, and these operating points are: nodule.",
        ),
        (("malignancy",), ("nodule",), "these operating points are: malignancy."),
        (("segmentation",), (), "are: segmentation_voxel, segmentation_peak and nodule."),
        (("segmentation",), ("segmentation_voxel", "segmentation_peak"), "points are: nodule."),
        (NAMES, (), "segmentation, nodule and malignancy are not the shipped ones"),
        (("nodule",), ("nodule",), None),
        (("malignancy",), ("malignancy",), None),
    ],
)
def test_points_that_were_chosen_with_other_weights_are_said(
    others: tuple[str, ...], own: tuple[str, ...], named: str | None
) -> None:
    models = with_others(*others, version="mine", trained_on="my scans")
    found = other_weights(models, own_points(*own))
    assert [one.code for one in found] == ([] if named is None else ["points-of-other-weights"])
    if named is not None:
        assert named in found[0].message


@pytest.mark.parametrize("operating_point", ["balanced", "specific"])
def test_a_named_point_is_one_of_the_shipped_ones_too(operating_point: str) -> None:
    points = load_settings(operating_point=operating_point).operating_points
    (warning,) = other_weights(with_others("nodule", version="mine"), points)
    assert warning.code == "points-of-other-weights"


def test_a_shipped_bundle_whose_weights_were_replaced_is_not_the_shipped_version() -> None:
    points = own_points("segmentation_voxel", "segmentation_peak", "nodule", "malignancy")
    (warning,) = other_weights(with_others("segmentation", "malignancy"), points)
    assert warning.code == "metadata-of-other-weights"
    assert "weights of segmentation and malignancy" in warning.message
    assert other_weights(with_others("segmentation", trained_on="mine"), points) == ()
