"""Networks whose answers anyone can work out, with settings at which every formula does something.

Each is a function of the density: of a voxel, or of the middle of a cube. A lesion's core is of
one density, so that the probabilities follow from it by hand.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from scipy import ndimage

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.chain.network.patch_network import SingleLook
from nodulus.app.chain.network.precision import Accelerated
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import OperatingPoint

from .chest_model import EDGE_HU

WINDOW_HU = (-1000.0, 1000.0)
SPACING_MM = 1.5
CUT, PEAK = 0.3, 0.35
SEGMENTATION_SLOPE = 16.0
TISSUE_HU, THICK_VOXELS, RIM_VOXELS = -300.0, 7, 4
"""A cube of 10.5 mm of tissue lies in no lesion; nor is what lies within 6 mm of one."""


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def scaled(hu: float) -> float:
    low, high = WINDOW_HU
    return (hu - low) / (high - low)


class Density(Accelerated):
    """Logit per voxel by its density, CUT at EDGE_HU; nothing in tissue too thick for a lesion."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.precision, self.dtype = "float32", torch.float32
        self.patches = SingleLook(self, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tissue = (x > scaled(TISSUE_HU)).numpy()[0, 0].astype(np.uint8)
        thick = ndimage.minimum_filter(tissue, THICK_VOXELS)
        near = ndimage.maximum_filter(thick, THICK_VOXELS + 2 * RIM_VOXELS)
        logits = logit(CUT) + SEGMENTATION_SLOPE * (x - scaled(EDGE_HU))
        return torch.where(torch.from_numpy(near > 0), -20.0, logits)


RATINGS = ("calcification", "malignancy", "spiculation")
"""What the malignancy stand-in answers, in an order of its own."""


class MiddleDensity(torch.nn.Module):
    """Logit per cube: slope times the scaled density of its middle, and an offset."""

    def __init__(self, slope: float, offset: float) -> None:
        super().__init__()
        self.slope, self.offset = slope, offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m = x.shape[-1] // 2
        return self.slope * x[:, :, m, m, m] + self.offset

    def every_output(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (B, ratings)."""
        m = x.shape[-1] // 2
        middle = x[:, :, m, m, m]
        return torch.cat([9 * middle - 5, self(x), -4 * middle + 1.5], dim=1)


NODULE_NETWORK = MiddleDensity(8.0, -3.0)
MALIGNANCY_NETWORK = MiddleDensity(5.0, -2.2)
SEGMENTATION_SHARE = 0.4
SIZE_WEIGHT, NEUTRAL_MM = 0.8, 11.0
MIN_VOLUME_MM3 = 90.0
NODULE_POINT = OperatingPoint(
    name="nodule", threshold=0.5, chosen_on="nodules here", temperature=1.6, offset=0.3
)
MALIGNANCY_POINT = OperatingPoint(
    name="malignancy", threshold=0.43, chosen_on="malignancies here", temperature=1.3, offset=-0.45
)


def _bundle(name: str, version: str, kind: str, network: torch.nn.Module) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        version=version,
        network=network.eval(),
        sha256=f"{len(name):02d}" * 32,
        trained_on=f"what {name} is",
        input_kind=kind,
        spacing_mm=SPACING_MM,
        isotropic_mm=SPACING_MM,
        input_range=(0.0, 1.0),
        window_hu=WINDOW_HU,
        roi_size=(32, 32, 32),
        crop_size=(16, 16, 16),
        ratings=RATINGS if name == "malignancy" else (),
    )


MODELS = Models(
    _bundle("segmentation", "1.0", "isotropic_patches", Density()),  # type: ignore[arg-type]
    _bundle("nodule", "2.1", "isotropic_cube", NODULE_NETWORK),  # type: ignore[arg-type]
    _bundle("malignancy", "3.2", "isotropic_cube", MALIGNANCY_NETWORK),  # type: ignore[arg-type]
    torch.device("cpu"),
)

SETTINGS = ChainSettings(
    pipeline=load_settings().pipeline.model_copy(
        update={
            "crop_batch": 3,
            "masses": None,
            "outline": None,
            "min_candidate_volume_mm3": MIN_VOLUME_MM3,
            "merge_gap_mm": 0.1,
            "max_candidates": 20,
            "min_lung_volume_ml": 300.0,
            "segmentation_share": SEGMENTATION_SHARE,
            "malignancy_size_weight": SIZE_WEIGHT,
            "malignancy_neutral_mm": NEUTRAL_MM,
        }
    ),
    operating_points=OperatingPoints(
        segmentation_voxel=OperatingPoint(
            name="segmentation_voxel", threshold=CUT, chosen_on="voxels here"
        ),
        segmentation_peak=OperatingPoint(
            name="segmentation_peak", threshold=PEAK, chosen_on="peaks here"
        ),
        nodule=NODULE_POINT,
        malignancy=MALIGNANCY_POINT,
    ),
)


def peak_probability(hu: float) -> float:
    """What the segmentation says of a core."""
    return sigmoid(logit(CUT) + SEGMENTATION_SLOPE * (scaled(hu) - scaled(EDGE_HU)))


def classifier_probability(hu: float) -> float:
    """What the nodule classifier says of a core."""
    return sigmoid(NODULE_NETWORK.slope * scaled(hu) + NODULE_NETWORK.offset)


def nodule_probability(peak_hu: float, middle_hu: float) -> float:
    """Both pooled and recalibrated: of a core's highest density and of its middle's."""
    seen = logit(peak_probability(peak_hu))
    pooled = SEGMENTATION_SHARE * seen + (1 - SEGMENTATION_SHARE) * logit(
        classifier_probability(middle_hu)
    )
    return sigmoid(pooled / 1.6 + 0.3)


def malignancy_probability(middle_hu: float, volume_mm3: float) -> float:
    """With the size of the candidate, recalibrated."""
    diameter_mm = (6 * volume_mm3 / np.pi) ** (1 / 3)
    odds = MALIGNANCY_NETWORK.slope * scaled(middle_hu) + MALIGNANCY_NETWORK.offset
    return sigmoid((odds + SIZE_WEIGHT * np.log(diameter_mm / NEUTRAL_MM)) / 1.3 - 0.45)


def rating_probability(name: str, middle_hu: float) -> float:
    """What the malignancy stand-in says of a look, recalibrated as the settings have it."""
    u = scaled(middle_hu)
    odds = {"calcification": 9 * u - 5, "spiculation": -4 * u + 1.5}[name]
    (rule,) = (one for one in SETTINGS.pipeline.characteristics if one.name == name)
    return sigmoid(odds / rule.temperature + rule.offset)
