"""When two readers say the same: the threshold of configs/review.json."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.chain.settings import read_settings

RULE_FILE = "review.json"


class ReadingRule(BaseModel):
    """How alike two readings are the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outlines_agree_dice: float = Field(
        gt=0, le=1, description="Two outlines that readers drew agree from this Dice on"
    )


def reading_rule(folder: Path | None = None) -> ReadingRule:
    """Read the rule.

    Args:
        folder: may hold another review.json; None for the shipped one.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return read_settings(RULE_FILE, (folder,), ReadingRule.model_validate)
