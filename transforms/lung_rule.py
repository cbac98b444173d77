"""The thresholds by which lungs are found: configs/lungs.json, one for training and inference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import resources
from typing import Any, get_args, get_origin, get_type_hints

from nodulus.transforms.costal_surface import CostalRule
from nodulus.transforms.lung_air import AirRule
from nodulus.transforms.lung_sides import SidesRule
from nodulus.transforms.search_region import SearchRule
from nodulus.transforms.thorax import ChestRule
from nodulus.transforms.trachea import TracheaRule


@dataclass(frozen=True)
class LungRule:
    """How the lungs and the region to search are found.

    Args:
        coarse_mm: spacing of the grid that they are found on.
        around_mm: looked at around what may be lung.
        air: what counts as air, and which air as lung.
        chest: the mid-plane, and what lies beside the chest.
        trachea: what is taken off as trachea.
        sides: when the right lung and the left one count as parted.
        costal: what counts as hidden along the ribs.
        search: the region to search.
    """

    coarse_mm: float
    around_mm: float
    air: AirRule
    chest: ChestRule
    trachea: TracheaRule
    sides: SidesRule
    costal: CostalRule
    search: SearchRule

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LungRule:
        """From what lungs.json says.

        Raises:
            ValueError: a key is unknown or missing, or its value is not what is wanted there.
        """
        rule: LungRule = _read(cls, values, "lungs.json")
        if rule.coarse_mm <= 0:
            raise ValueError("coarse_mm: must be greater than 0")
        return rule


@cache
def shipped_lung_rule() -> LungRule:
    """The one that the networks were trained with."""
    text = (resources.files("nodulus.configs") / "lungs.json").read_text(encoding="utf-8")
    return LungRule.of(json.loads(text))


def _read(kind: Any, value: Any, name: str) -> Any:
    """A rule of all its keys and no other, a tuple of numbers, or a number."""
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        keys = set(value) if isinstance(value, Mapping) else set()
        if wrong := sorted(keys ^ set(kinds)):
            raise ValueError(f"{name}: unknown or missing: {', '.join(wrong)}")
        return kind(**{key: _read(kinds[key], value[key], key) for key in kinds})
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        fits = isinstance(value, list) and (len(value) == len(parts) or (value and ... in parts))
        if not fits:
            raise ValueError(f"{name}: a list of numbers is wanted, got {value!r}")
        return tuple(_read(float, part, name) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: a number is wanted, got {value!r}")
    return float(value)
