"""The three networks of the chain, and what of the chain each one serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nodulus.app.chain.classifiers import CubeClassifier, NativeCropClassifier
from nodulus.app.chain.device import find_device
from nodulus.app.chain.patch_detector import PatchDetector
from nodulus.app.chain.protocols import Classifier, Detector
from nodulus.app.chain.slice_detector import SliceDetector
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import ModelInfo

if TYPE_CHECKING:
    import torch

    from nodulus.app.chain.network.loading import LoadedBundle
    from nodulus.app.chain.network.precision import PrecisionSetting

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"

Part = TypeVar("Part")
Maker = Callable[["LoadedBundle", "torch.device"], Part]

DETECTORS: Mapping[str, Maker[Detector]] = {
    "isotropic_patches": PatchDetector,
    "native_slices": SliceDetector,
}
"""By the ``input_kind`` of a segmentation bundle."""

CLASSIFIERS: Mapping[str, Maker[Classifier]] = {
    "isotropic_cube": CubeClassifier,
    "native_crop": NativeCropClassifier,
}
"""By the ``input_kind`` of a nodule or malignancy bundle."""


@dataclass(frozen=True, eq=False)
class Models:
    """The loaded bundles, in evaluation mode on one device."""

    segmentation: LoadedBundle
    nodule: LoadedBundle
    malignancy: LoadedBundle
    device: torch.device

    @cached_property
    def detector(self) -> Detector:
        """Finds candidates with the segmentation bundle."""
        return _made(DETECTORS, self.segmentation, self.device)

    @cached_property
    def nodule_classifier(self) -> Classifier:
        """Tells nodules from other candidates with the nodule bundle."""
        return _made(CLASSIFIERS, self.nodule, self.device)

    @cached_property
    def malignancy_classifier(self) -> Classifier:
        """Rates nodules with the malignancy bundle."""
        return _made(CLASSIFIERS, self.malignancy, self.device)

    def check(self) -> None:
        """Make the parts that the chain uses.

        Raises:
            ValueError: a bundle is of a kind that its place in the chain cannot use.
        """
        for _ in (self.detector, self.nodule_classifier, self.malignancy_classifier):
            pass

    def info(self) -> tuple[ModelInfo, ...]:
        """What the result says of them."""
        from nodulus.app.chain.network.precision import precision_of

        return tuple(
            ModelInfo(
                name=b.name,
                version=b.version,
                sha256=b.sha256,
                trained_on=b.trained_on,
                precision=precision_of(b.network),
            )
            for b in (self.segmentation, self.nodule, self.malignancy)
        )


def _made(table: Mapping[str, Maker[Part]], bundle: LoadedBundle, device: torch.device) -> Part:
    if bundle.input_kind not in table:
        raise ValueError(
            f"the {bundle.name} bundle has input_kind {bundle.input_kind};"
            f" here it must be {' or '.join(table)}"
        )
    return table[bundle.input_kind](bundle, device)


def load_models(
    folder: Path | None = None,
    device: str = "auto",
    precision: PrecisionSetting = "auto",
    service: str | None = None,
) -> Models:
    """Load the three bundles.

    Args:
        folder: holds the bundles ``segmentation``, ``nodule`` and ``malignancy``; None for the
            shipped ones.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto`` (CUDA where there is one).
        precision: what the segmentation and the nodule classifier compute in; the malignancy
            classifier, which sees a few findings, computes in float32.
        service: URL of a server that computes the networks (Open Inference Protocol, version 2), in
            its own precision and on its own devices; it must have those of the folder.

    Raises:
        NodulusError: ``model-not-found``, ``model-invalid``, ``device-not-available`` or
            ``model-service-not-reachable``.
    """
    from nodulus.app.chain.network.loading import load_bundle
    from nodulus.app.chain.network.precision import accelerate, choose_precision

    root = BUNDLES if folder is None else folder
    invalid = "a model cannot be used"
    remedy = "Check that the weights belong to the network in configs/inference.json."
    if service is not None:
        with model_errors(root, invalid, remedy):
            return _remote_models(root, service)
    target = find_device(device)
    with model_errors(root, invalid, remedy):
        segmentation, nodule, malignancy = (
            load_bundle(root / name, target) for name in ("segmentation", "nodule", "malignancy")
        )
        computes_in = choose_precision(precision, target)
        segmentation = replace(segmentation, network=accelerate(segmentation.network, computes_in))
        nodule = replace(nodule, network=accelerate(nodule.network, computes_in))
        # It sees a few findings only, so that exactness costs nothing.
        malignancy = replace(malignancy, network=accelerate(malignancy.network, "float32"))
        models = Models(segmentation, nodule, malignancy, target)
        models.check()
    return models


def _remote_models(root: Path, service: str) -> Models:
    from nodulus.app.chain.model_service.client import ModelServiceClient
    from nodulus.app.chain.model_service.load import load_remote_bundle

    client = ModelServiceClient(service)
    segmentation, nodule, malignancy = (
        load_remote_bundle(root / name, client) for name in ("segmentation", "nodule", "malignancy")
    )
    models = Models(segmentation, nodule, malignancy, find_device("cpu"))
    models.check()
    return models


@contextmanager
def model_errors(
    folder: Path, invalid: str, remedy: str, subject: Path | None = None
) -> Iterator[None]:
    """Say what is wrong with models as an error that a user can act on.

    Args:
        folder: of the three bundles.
        invalid: what cannot be done with one.
        remedy: for that.
        subject: the bundle, where it is known which.

    Raises:
        NodulusError: ``model-not-found`` or ``model-invalid``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.MODEL_NOT_FOUND,
            f"a model file is missing ({error}).",
            remedy="Point --models at a folder with the three bundles.",
            subject=folder,
        ) from error
    except (ValueError, RuntimeError) as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            f"{invalid}: {error}",
            remedy=remedy,
            subject=subject or folder,
        ) from error
