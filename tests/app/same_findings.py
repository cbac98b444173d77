"""Whether two runs of the chain found the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodulus.app.result import Finding

LARGEST_DIFFERENCE = 0.02


def nearest(findings: Sequence[Finding], one: Finding) -> tuple[Finding, float]:
    """The finding nearest to another, and how far it is in mm."""
    assert findings, "there is no finding"
    distances = [np.linalg.norm(np.subtract(f.center_lps_mm, one.center_lps_mm)) for f in findings]
    index = int(np.argmin(distances))
    return findings[index], float(distances[index])


def assert_same_findings(expected: Sequence[Finding], found: Sequence[Finding]) -> None:
    """The same nodules at the operating point, with nearly the same probabilities.

    Ranks may differ between findings whose malignancy is as good as equal.
    """
    assert len(found) == len(expected)
    for one in expected:
        other, distance_mm = nearest(found, one)
        assert distance_mm < 1.0
        for name in ("nodule_probability", "malignancy_probability"):
            difference = abs(getattr(other, name) - getattr(one, name))
            assert difference < LARGEST_DIFFERENCE, (
                f"finding {one.id}: {name} is {difference:.3f} off"
            )
        assert abs(other.volume_mm3 - one.volume_mm3) <= max(10.0, 0.1 * one.volume_mm3)
