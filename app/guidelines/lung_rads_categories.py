"""Lung-RADS v2022: its categories, and what it advises for each."""

from __future__ import annotations

from typing import Literal

from nodulus.app.guidelines.advice import Ruling

GUIDELINE = "Lung-RADS v2022"
SOURCE = "American College of Radiology, Lung-RADS v2022, November 2022"

Category = Literal["0", "1", "2", "3", "4A", "4B", "4X"]
ORDER: tuple[Category, ...] = ("1", "2", "3", "4A", "4B", "4X")

MANAGEMENT: dict[str, str] = {
    "0": "complete the examination: prior CT, more images, or low-dose CT in 1 to 3 months",
    "1": "low-dose CT in 12 months",
    "2": "low-dose CT in 12 months",
    "3": "low-dose CT in 6 months",
    "4A": "low-dose CT in 3 months; PET/CT where the solid part is 8 mm or more",
    "4B": "diagnostic CT, PET/CT where 8 mm or more, tissue sampling, or referral",
    "4X": "diagnostic CT, PET/CT where 8 mm or more, tissue sampling, or referral",
}


def category_rank(category: str) -> int:
    """How suspicious a category is, from 0; -1 for 0 and for what is not classified."""
    return [str(one) for one in ORDER].index(category) if category in ORDER else -1


def lung_rads_ruling(category: str, rule: str, doubt: str | None = None) -> Ruling:
    """A category with what Lung-RADS advises for it.

    Args:
        category: one of its categories, or a word for what it does not classify.
        rule: the row that applied.
        doubt: why a reader must decide.
    """
    return Ruling(category, MANAGEMENT.get(category, "none by this guideline"), rule, doubt)
