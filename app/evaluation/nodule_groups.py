"""Kinds of nodules that are counted apart."""

from __future__ import annotations

from collections.abc import Callable

from nodulus.bundles.common.data.tables import Nodule


def is_malignant(nodule: Nodule) -> bool:
    """LIDC-IDRI's custom: the readers' median rating is above 3."""
    return nodule.malignancy is not None and nodule.malignancy > 3


def is_benign(nodule: Nodule) -> bool:
    """The readers' median rating is below 3; at 3 they are undecided."""
    return nodule.malignancy is not None and nodule.malignancy < 3


def _texture(lowest: float, highest: float) -> Callable[[Nodule], bool]:
    return lambda n: lowest <= n.ratings.get("texture", -1.0) <= highest


GROUPS: dict[str, Callable[[Nodule], bool]] = {
    "all": lambda n: True,
    "below 6 mm": lambda n: n.diameter_mm < 6,
    "6 to 10 mm": lambda n: 6 <= n.diameter_mm < 10,
    "10 mm and above": lambda n: n.diameter_mm >= 10,
    "malignant (rating above 3)": is_malignant,
    "benign (rating below 3)": is_benign,
    "solid (texture 4 and above)": _texture(4.0, 5.0),
    "part-solid (texture above 2, below 4)": _texture(2.0 + 1e-9, 4.0 - 1e-9),
    "ground glass (texture 2 and below)": _texture(1.0, 2.0),
}
"""By name; the ratings are medians of LIDC-IDRI's readers, whose texture runs from 1 (ground glass)
over 3 (part-solid) to 5 (solid)."""
