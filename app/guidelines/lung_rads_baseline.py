"""Lung-RADS v2022: the category that a scan has as an ordinary baseline screening CT.

Of a scan of which nothing else is known nearly every category is possible. This is the one that
its measurements alone give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nodulus.app.guidelines.advice import Advice
from nodulus.app.guidelines.lung_rads import lung_rads_nodule
from nodulus.app.guidelines.lung_rads_categories import category_rank
from nodulus.app.guidelines.lung_rads_exam import LungRadsExam, lung_rads_exam
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule

_EXAM: dict[str, Any] = {"round": "baseline", "lungs_complete": True, "inflammation": False}
_NODULE: dict[str, Any] = {
    "status": "baseline",
    "benign_calcification": False,
    "fat": False,
    "juxtapleural": False,
    "airway": "none",
    "cyst": "none",
    "spiculated": False,
    "lymphadenopathy": False,
    "metastasis": False,
}
_Inputs = TypeVar("_Inputs", LungRadsExam, LungRadsNodule)


@dataclass(frozen=True)
class BaselineCategory:
    """The category of a whole CT under that condition.

    Args:
        advice: with more than one category where a measurement is missing.
        nodule: the place of the nodule that it rests on; None without one.
    """

    advice: Advice
    nodule: int | None


def lung_rads_at_baseline(
    nodules: tuple[LungRadsNodule, ...], exam: LungRadsExam
) -> BaselineCategory | None:
    """The category at a baseline screening, where a reader sees nothing that changes it.

    What is known counts as it is. Of what is not, it is taken that all of the lungs can be judged
    and that nothing is there of inflammation, benign calcium, fat, juxtapleural form, airway, cyst,
    spiculation, lymphadenopathy and metastasis.

    Args:
        nodules: all of them.
        exam: what else it depends on.

    Returns:
        None where the scan is known to be no baseline.
    """
    if exam.round == "follow-up" or any(n.status not in (None, "baseline") for n in nodules):
        return None
    ordinary = tuple(_filled(nodule, _NODULE) for nodule in nodules)
    advice = lung_rads_exam(ordinary, _filled(exam, _EXAM))
    highest = [
        max((category_rank(c) for c in lung_rads_nodule(nodule).categories), default=-1)
        for nodule in ordinary
    ]
    return BaselineCategory(advice, highest.index(max(highest)) if highest else None)


def _filled(inputs: _Inputs, values: dict[str, Any]) -> _Inputs:
    unknown = {name: value for name, value in values.items() if getattr(inputs, name) is None}
    return replace(inputs, **unknown)
