"""A risk model's probability, or its range where inputs are unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodulus.app.guidelines.answers import Answers, every_outcome, missing_inputs


@dataclass(frozen=True)
class RiskEstimate:
    """A risk model's probability of cancer.

    Args:
        model: name of the model.
        source: where it was published.
        low: the lowest probability that the unknown inputs allow.
        high: the highest; equal to ``low`` where nothing is unknown.
        missing: names of the inputs that the model asks for and that are not known.
        not_applicable: why there is no probability; ``low`` and ``high`` are None then.
        doubt: what must be ruled out before the figure is used.
    """

    model: str
    source: str
    low: float | None
    high: float | None
    missing: tuple[str, ...] = ()
    not_applicable: str | None = None
    doubt: str | None = None

    @property
    def probability(self) -> float | None:
        """The probability, where every input is known."""
        return self.low if self.low == self.high else None

    def doubting(self, doubt: str | None) -> RiskEstimate:
        """The same with what must be ruled out before it is used."""
        return replace(self, doubt=doubt)

    @property
    def needs_reader(self) -> bool:
        """Whether an input is missing or something must be ruled out."""
        return self.not_applicable is None and (bool(self.missing) or self.doubt is not None)


def logistic(log_odds: float) -> float:
    """Probability of log odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))


def risk_range(
    name: str,
    source: str,
    log_odds: Callable[[Answers], float],
    inputs: object,
    choices: Mapping[str, tuple[Any, ...]],
) -> RiskEstimate:
    """The lowest and highest probability over all values of the unknown inputs.

    Args:
        name: of the model.
        source: where it was published.
        log_odds: the model.
        inputs: a dataclass whose unknown fields are None.
        choices: values of an unknown input by name.
    """
    branches = every_outcome(log_odds, inputs, choices)
    missing = missing_inputs(branches)
    odds = [branch.outcome for branch in branches]
    if any(value is None for value in odds):
        return RiskEstimate(name, source, None, None, missing)
    known = [value for value in odds if value is not None]
    return RiskEstimate(name, source, logistic(min(known)), logistic(max(known)), missing)
