"""Rules over inputs that may be unknown: every outcome that is possible, with its conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Outcome = TypeVar("Outcome")


class MissingInputError(Exception):
    """A rule asked for an input that is not known.

    Args:
        name: of the input.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Answers:
    """Inputs as a rule asks for them: an unknown one ends the rule, so that each value is tried.

    Args:
        inputs: a dataclass whose unknown fields are None.
        assumed: values for unknown fields.
    """

    def __init__(self, inputs: object, assumed: Mapping[str, Any]) -> None:
        self._inputs = inputs
        self._assumed = assumed

    def _value(self, name: str) -> Any:
        value = getattr(self._inputs, name)
        if value is None:
            value = self._assumed.get(name)
        if value is None:
            raise MissingInputError(name)
        return value

    def known(self, name: str) -> bool:
        """Whether the input has a value, without asking for it."""
        return getattr(self._inputs, name) is not None or name in self._assumed

    def flag(self, name: str) -> bool:
        """A yes or no."""
        return bool(self._value(name))

    def number(self, name: str) -> float:
        """A number in the unit that the input's name gives."""
        return float(self._value(name))

    def choice(self, name: str) -> str:
        """One of a few words."""
        return str(self._value(name))


@dataclass(frozen=True)
class Branch(Generic[Outcome]):
    """An outcome and what must hold for it.

    Args:
        when: value by name of each unknown input that the rule asked for on its way.
        outcome: None where an unknown number stopped the rule.
        missing: that number's name.
    """

    when: tuple[tuple[str, Any], ...]
    outcome: Outcome | None
    missing: str | None = None

    def assumptions(self) -> tuple[tuple[str, Any], ...]:
        """The conditions apart from those that a feature is absent."""
        return tuple((name, value) for name, value in self.when if value not in (False, "none"))

    def conditions(self) -> str:
        """The conditions in words: what is assumed, or that none of the unknown features is there.

        A number that is missing is named.
        """
        words = [_in_words(name, value) for name, value in self.assumptions()]
        if not words and self.when:
            absent = ", ".join(name.replace("_", " ") for name, _ in self.when)
            words = [f"none of: {absent}"]
        if self.missing:
            words.append(f"depends on {self.missing.replace('_', ' ')}")
        return " and ".join(words)


def _in_words(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    return words if value is True else f"{words}: {value}"


def every_outcome(
    rule: Callable[[Answers], Outcome],
    inputs: object,
    choices: Mapping[str, tuple[Any, ...]],
    assumed: tuple[tuple[str, Any], ...] = (),
) -> tuple[Branch[Outcome], ...]:
    """Run a rule once for each set of values that its unknown inputs can have.

    Only inputs that the rule really asks for are tried, in the order in which it asks.

    Args:
        rule: from answers to an outcome.
        inputs: a dataclass whose unknown fields are None.
        choices: values to try for an unknown input, by name; a number has none.
        assumed: set already, for the recursion.
    """
    try:
        outcome = rule(Answers(inputs, dict(assumed)))
    except MissingInputError as unknown:
        name = unknown.name
        if name not in choices:
            return (Branch(assumed, None, missing=name),)
        return tuple(
            branch
            for value in choices[name]
            for branch in every_outcome(rule, inputs, choices, (*assumed, (name, value)))
        )
    return (Branch(assumed, outcome),)


def missing_inputs(branches: tuple[Branch[Outcome], ...]) -> tuple[str, ...]:
    """Names of the unknown inputs that a rule asked for, each once, in the order of asking."""
    names = [name for branch in branches for name, _ in branch.when]
    names += [branch.missing for branch in branches if branch.missing]
    return tuple(dict.fromkeys(names))
