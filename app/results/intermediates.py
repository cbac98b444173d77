"""What the chain saw on its way, kept for a person to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.explanation import CandidateCrops
from nodulus.app.result import CandidateRecord
from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Intermediates:
    """The chain's intermediates, each on its own grid.

    Args:
        lungs: shape (I, R, C), bool: the region that was searched.
        lungs_geometry: its shape and place.
        probability: shape (I, R, C), float16 or float32, 0 to 1: 'nodule' per voxel.
        probability_geometry: its shape and place.
        candidates: every candidate with what became of it.
        crops: what the classifiers saw of the first so many of ``candidates``.
    """

    lungs: NDArray[np.bool_]
    lungs_geometry: Geometry
    probability: NDArray[np.floating[Any]]
    probability_geometry: Geometry
    candidates: tuple[CandidateRecord, ...] = ()
    crops: tuple[CandidateCrops, ...] = ()

    def __post_init__(self) -> None:
        for name in ("lungs", "probability"):
            shape = getattr(self, name).shape
            expected = getattr(self, f"{name}_geometry").shape_irc
            if tuple(shape) != expected:
                raise ValueError(f"{name} has shape {shape}, its geometry says {expected}")


def encode_intermediates(intermediates: Intermediates) -> dict[str, bytes]:
    """Give ``lungs.nii.gz``, ``probability.nii.gz`` and ``candidates.json``, by their names."""
    from nodulus.app.results.nifti import encode_nifti

    rows = [candidate.model_dump(mode="json") for candidate in intermediates.candidates]
    return {
        "lungs.nii.gz": encode_nifti(
            intermediates.lungs.astype(np.uint8), intermediates.lungs_geometry
        ),
        "probability.nii.gz": encode_nifti(
            intermediates.probability.astype(np.float32), intermediates.probability_geometry
        ),
        "candidates.json": (json.dumps(rows, indent=2) + "\n").encode(),
    }
