"""From a guideline's rule and inputs that may be unknown to its advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodulus.app.guidelines.advice import Advice, Alternative, Ruling
from nodulus.app.guidelines.answers import Answers, Branch, every_outcome, missing_inputs


def decide(
    guideline: str,
    source: str,
    rule: Callable[[Answers], tuple[Ruling, ...]],
    inputs: object,
    choices: Mapping[str, tuple[Any, ...]],
) -> Advice:
    """Every ruling that the known inputs leave possible.

    Args:
        guideline: its name and year.
        source: where it was published.
        rule: from answers to one ruling, or to several where more than one row of the text applies.
        inputs: a dataclass whose unknown fields are None.
        choices: values to try for an unknown input, by name; a number has none.
    """
    branches = every_outcome(rule, inputs, choices)
    missing = missing_inputs(branches)
    outcomes = list(dict.fromkeys(branch.outcome for branch in branches))
    if len(outcomes) == 1 and outcomes[0] is not None:
        rulings = outcomes[0]
        others = tuple(Alternative("", ruling) for ruling in rulings) if len(rulings) > 1 else ()
        return Advice(guideline, source, rulings[0], others)
    return Advice(guideline, source, None, _alternatives(branches), missing)


def _alternatives(
    branches: tuple[Branch[tuple[Ruling, ...]], ...],
) -> tuple[Alternative, ...]:
    """One alternative a category: the one that assumes the least that is out of the ordinary."""
    simplest: dict[str | None, tuple[int, Alternative]] = {}
    for branch in branches:
        for ruling in branch.outcome or (None,):
            category = ruling.category if ruling else branch.missing
            size = len(branch.assumptions())
            if category not in simplest or size < simplest[category][0]:
                simplest[category] = (size, Alternative(branch.conditions(), ruling))
    return tuple(alternative for _, alternative in simplest.values())
