"""The size of a thing as that of a ball."""

from __future__ import annotations

import math


def equivalent_diameter_mm(volume_mm3: float) -> float:
    """Diameter of the ball of the same volume."""
    return float((6.0 * volume_mm3 / math.pi) ** (1.0 / 3.0))
