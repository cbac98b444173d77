"""When two readers say the same: the threshold of configs/review.json."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.chain.settings import read_settings

RULE_FILE = "review.json"


class ReadingRule(BaseModel):
    """How alike two readings are the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outlines_agree_dice: float = Field(
        gt=0, le=1, description="Two outlines that readers drew agree from this Dice on"
    )


@cache
def shipped_reading_rule() -> ReadingRule:
    """Give the shipped rule.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return read_settings(RULE_FILE, (), ReadingRule.model_validate)
