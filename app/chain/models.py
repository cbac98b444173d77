"""The three networks of the chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ErrorCode, NodulusError
from app.results.model import ModelInfo

if TYPE_CHECKING:
    import torch

    from app.chain.precision import PrecisionSetting
    from bundles.common.loading import LoadedBundle

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


@dataclass(frozen=True, eq=False)
class Models:
    """The loaded bundles, in evaluation mode on one device."""

    segmentation: LoadedBundle
    nodule: LoadedBundle
    malignancy: LoadedBundle
    device: torch.device

    def info(self) -> tuple[ModelInfo, ...]:
        """What the result says of them."""
        from app.chain.precision import precision_of

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


def load_models(
    folder: Path | None = None, device: str = "auto", precision: PrecisionSetting = "auto"
) -> Models:
    """Load the three bundles.

    Args:
        folder: holds the bundles ``segmentation``, ``nodule`` and ``malignancy``; None for the
            shipped ones.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto`` (CUDA where there is one).
        precision: what the networks compute in.

    Raises:
        NodulusError: ``model-not-found`` or ``model-invalid``.
    """
    import torch

    from app.chain.precision import accelerate, choose_precision
    from bundles.common.loading import load_bundle

    chosen = device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    root = BUNDLES if folder is None else folder
    try:
        target = torch.device(chosen)
        segmentation, nodule, malignancy = (
            load_bundle(root / name, target) for name in ("segmentation", "nodule", "malignancy")
        )
        computes_in = choose_precision(precision, target)
        segmentation, nodule, malignancy = (
            replace(b, network=accelerate(b.network, computes_in))
            for b in (segmentation, nodule, malignancy)
        )
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.MODEL_NOT_FOUND,
            f"a model file is missing ({error}).",
            remedy="Point --models at a folder with the three bundles.",
            subject=root,
        ) from error
    except (ValueError, RuntimeError) as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            f"a model cannot be used: {error}",
            remedy="Check that the weights belong to the network in configs/inference.json.",
            subject=root,
        ) from error
    return Models(segmentation, nodule, malignancy, target)
