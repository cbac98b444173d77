"""Own settings of the follow-up are used, and what is wrong with them is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.followup.compare import compare
from nodulus.app.followup.match import match_findings
from nodulus.app.followup.matching_rule import load_matching_rule, shipped_matching_rule
from nodulus.app.followup.repeatability import load_repeatability
from tests.app.followup.test_compare import LIMITS, scan
from tests.app.followup.test_match import finding

SHIPPED = shipped_matching_rule()


def test_nodules_out_of_reach_are_two() -> None:
    one = (finding(1, (0.0, 0.0, 0.0)),)
    for reach_mm, found in ((9.0, 0), (11.0, 1)):
        rule = SHIPPED.model_copy(update={"reach_mm": reach_mm})
        matching = match_findings(one, one, np.array([[10.0, 0.0, 0.0]]), rule)
        assert len(matching.pairs) == found


def test_a_candidate_that_is_near_enough_is_the_nodule() -> None:
    prior, current = scan({0: 200.0}, dropped=(1,)), scan({0: 200.0, 1: 90.0}, day=90)
    record = prior.analysis.candidates[0]
    x, y, z = record.center_lps_mm
    moved = record.model_copy(update={"center_lps_mm": (x + 6.0, y, z)})
    prior = replace(prior, analysis=replace(prior.analysis, candidates=(moved,)))
    for within_mm, state in ((8.0, "below the threshold before"), (3.0, "new")):
        rule = SHIPPED.model_copy(update={"candidate_within_mm": within_mm})
        assert compare(prior, current, LIMITS, rule=rule).nodules[1].state == state


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    own = SHIPPED.model_dump() | {"reach_mm": 7.0}
    (tmp_path / "follow_up.json").write_text(json.dumps(own))
    assert load_matching_rule(tmp_path).reach_mm == 7.0
    (tmp_path / "follow_up.json").write_text(json.dumps(own | {"reach": 1.0}))
    with pytest.raises(NodulusError, match=r"reach: Extra inputs") as caught:
        load_matching_rule(tmp_path)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    (tmp_path / "repeatability.json").write_text("{")
    with pytest.raises(NodulusError, match=r"repeatability\.json"):
        load_repeatability(tmp_path)
