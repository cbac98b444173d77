"""What blood and muscle look like with contrast medium at the moment of the scan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Phase(str, Enum):
    """Where the contrast medium is."""

    NONE = "none"
    PULMONARY = "pulmonary"
    ARTERIAL = "arterial"
    VENOUS = "venous"


@dataclass(frozen=True)
class Blood:
    """Densities in HU.

    Args:
        phase: where the contrast medium is.
        right: right heart and pulmonary arteries.
        left: pulmonary veins, left heart and aorta.
        cava: superior vena cava, which the medium reaches first.
        systemic: other veins.
        myocardium: the heart's muscle.
    """

    phase: Phase
    right: float
    left: float
    cava: float
    systemic: float
    myocardium: float


def draw_blood(
    plain_hu: float, full_hu: float, weights: tuple[float, float, float], rng: np.random.Generator
) -> Blood:
    """Draw one scan's densities.

    Args:
        plain_hu: blood without contrast medium.
        full_hu: blood where the medium is densest; 0 for a scan without it.
        weights: of the pulmonary, the arterial and the venous phase.
        rng: random numbers.
    """
    share = np.asarray(weights, dtype=np.float64)
    phase = list(Phase)[1 + int(rng.choice(3, p=share / share.sum()))]
    low, high, muscle, cava = rng.uniform((0.3, 0.72, 0.0, 0.9), (0.55, 0.92, 1.0, 1.7))
    added = full_hu - plain_hu
    if full_hu <= 0:
        # Muscle is a little denser than blood, more so in anaemia.
        return Blood(Phase.NONE, plain_hu, plain_hu, plain_hu, plain_hu, 46.0 + 5.0 * float(muscle))
    if phase is Phase.PULMONARY:
        right, left, heart = 1.0, float(low), 58.0
    elif phase is Phase.ARTERIAL:
        right, left, heart = float(high) * 0.85, 1.0, 88.0
    else:
        added = min(added, 60.0 + 0.4 * added)
        right, left, heart = 0.97, 1.0, 92.0
        cava = 1.0
    return Blood(
        phase,
        plain_hu + right * added,
        plain_hu + left * added,
        plain_hu + float(cava) * max(right, 0.8) * added,
        plain_hu + (0.9 if phase is Phase.VENOUS else 0.25) * added,
        heart + 18.0 * float(muscle),
    )
