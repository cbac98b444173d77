"""What a guideline says about a nodule or a patient."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ruling:
    """One row of a guideline that applied.

    Args:
        category: the guideline's own word for it.
        management: what it advises, in short words of ours.
        rule: the row that applied.
        doubt: why a reader must decide, where the text has more than one answer or none.
    """

    category: str
    management: str
    rule: str
    doubt: str | None = None


@dataclass(frozen=True)
class Alternative:
    """A ruling that applies under a condition which is not known here.

    Args:
        condition: in words; empty where two rows of the text apply at once.
        ruling: None where a number that has no few values is missing.
    """

    condition: str
    ruling: Ruling | None


@dataclass(frozen=True)
class Advice:
    """A guideline's answer.

    Args:
        guideline: its name and year.
        source: where it was published.
        ruling: what applies; None where that depends on an input that is not known.
        alternatives: the rulings between which a reader decides.
        missing: names of the inputs that are not known and would settle it.
        not_applicable: why the guideline is not for this patient; nothing else is set then.
        unknown_applicability: names of the inputs that are not known and say whether it is for this
            patient at all.
    """

    guideline: str
    source: str
    ruling: Ruling | None
    alternatives: tuple[Alternative, ...] = ()
    missing: tuple[str, ...] = ()
    not_applicable: str | None = None
    unknown_applicability: tuple[str, ...] = ()

    @property
    def category(self) -> str | None:
        """The guideline's category, where one is certain."""
        return self.ruling.category if self.ruling else None

    @property
    def needs_reader(self) -> bool:
        """Whether a person must decide between alternatives or supply an input."""
        if self.not_applicable is not None:
            return False
        undecided = self.ruling is None or bool(self.alternatives or self.unknown_applicability)
        return undecided or (self.ruling is not None and self.ruling.doubt is not None)

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category that is possible, each once."""
        rulings = [self.ruling, *(alternative.ruling for alternative in self.alternatives)]
        return tuple(dict.fromkeys(ruling.category for ruling in rulings if ruling))
