"""The state machine of workitems, against the standard's own table (PS3.4 Table CC.1.1-2)."""

from __future__ import annotations

from itertools import product

import pytest

pytest.importorskip("fastapi")

from nodulus.app.serve.workitems import states

STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
KEPT, OTHER = "1.2.3", "4.5.6"

CORRECT = {
    "IN PROGRESS": {"SCHEDULED": 0, "IN PROGRESS": 0xC302, "COMPLETED": 0xC300, "CANCELED": 0xC300},
    "COMPLETED": {"SCHEDULED": 0xC310, "IN PROGRESS": 0, "COMPLETED": 0xB306, "CANCELED": 0xC300},
    "CANCELED": {"SCHEDULED": 0xC310, "IN PROGRESS": 0, "COMPLETED": 0xC300, "CANCELED": 0xB304},
}
"""Status by wanted state and the state before, with the correct Transaction UID."""
CANCEL = {
    ("SCHEDULED", False): 0,
    ("IN PROGRESS", True): 0,
    ("IN PROGRESS", False): 0xC312,
    ("COMPLETED", True): 0xC311,
    ("COMPLETED", False): 0xC311,
    ("CANCELED", True): 0xB304,
    ("CANCELED", False): 0xB304,
}
HTTP = {0xC300: 409, 0xC301: 400, 0xC302: 409, 0xC303: 400, 0xC304: 409, 0xC310: 409}


@pytest.mark.parametrize(("before", "wanted"), list(product(STATES, STATES)))
@pytest.mark.parametrize("given", [None, "", KEPT, OTHER])
@pytest.mark.parametrize("ready", [True, False])
def test_every_change_of_state_is_the_tables(
    before: str, wanted: str, given: str | None, ready: bool
) -> None:
    kept = None if before == "SCHEDULED" else KEPT
    verdict = states.change_of_state(before, wanted, kept, given, ready=ready)  # type: ignore[arg-type]
    if wanted == "SCHEDULED":
        expected = 0xC303
    elif not given or (kept is not None and given != kept):
        expected = 0xC301
    else:
        expected = CORRECT[wanted][before]
        if before == "IN PROGRESS" and wanted in states.FINAL and not ready:
            expected = 0xC304
    assert verdict.dimse == expected
    assert verdict.status == HTTP.get(expected, 200)
    assert bool(verdict.warning) == (expected != 0)


@pytest.mark.parametrize(("before", "is_ours"), list(product(STATES, [True, False])))
def test_every_request_to_cancel_is_the_tables(before: str, is_ours: bool) -> None:
    if (before, is_ours) not in CANCEL:
        return  # nobody performs one that is SCHEDULED
    verdict = states.cancel_request(before, is_ours=is_ours)  # type: ignore[arg-type]
    assert verdict.dimse == CANCEL[before, is_ours]
    assert verdict.is_done == (verdict.dimse in (0, 0xB304))
    assert verdict.status == (202 if verdict.is_done else 409)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("given", [None, KEPT, OTHER])
def test_updates_need_the_transaction_uid_of_who_has_claimed_it(
    before: str, given: str | None
) -> None:
    kept = None if before == "SCHEDULED" else KEPT
    verdict = states.update(before, kept, given)  # type: ignore[arg-type]
    if before in states.FINAL:
        assert (verdict.status, verdict.dimse) == (400, 0xC300)
    elif before == "SCHEDULED":
        assert verdict.is_done == (given is None)
    else:
        assert verdict.is_done == (given == KEPT)
