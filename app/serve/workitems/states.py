"""The states of a workitem and what leads from one to another (PS3.4 Table CC.1.1-2)."""

from __future__ import annotations

from typing import Literal

from nodulus.app.serve.workitems import refusals
from nodulus.app.serve.workitems.refusals import Verdict

WorkitemState = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
FINAL: tuple[WorkitemState, ...] = ("COMPLETED", "CANCELED")
_ALREADY = {
    "IN PROGRESS": refusals.ALREADY_IN_PROGRESS,
    "COMPLETED": refusals.STATE_ALREADY_COMPLETED,
    "CANCELED": refusals.STATE_ALREADY_CANCELED,
}


def change_of_state(  # noqa: PLR0911 - a row of the table each
    state: WorkitemState, wanted: WorkitemState, kept: str | None, given: str | None, *, ready: bool
) -> Verdict:
    """Say what a request to change a workitem's state comes to.

    Args:
        state: that it has.
        wanted: that it shall have.
        kept: the Transaction UID that it was claimed with; None where nobody has.
        given: that of the request.
        ready: whether it has what the wanted state needs, if that is a final one.
    """
    if wanted == "SCHEDULED":
        return refusals.NOT_TO_SCHEDULED
    if not given:
        return refusals.UID_MISSING
    if state == "SCHEDULED":
        return refusals.DONE if wanted == "IN PROGRESS" else refusals.NOT_IN_PROGRESS
    if given != kept:
        return refusals.UID_INCORRECT
    if state == wanted:
        return _ALREADY[state]
    if state in FINAL:
        return refusals.NO_LONGER
    return refusals.DONE if ready else refusals.NOT_FINAL


def cancel_request(state: WorkitemState, *, is_ours: bool) -> Verdict:
    """Say what a request to cancel a workitem comes to.

    Args:
        state: that it has.
        is_ours: whether it is the service that performs it; others cannot be told.
    """
    if state == "CANCELED":
        return refusals.CANCEL_OF_CANCELED
    if state == "COMPLETED":
        return refusals.CANCEL_OF_COMPLETED
    if state == "IN PROGRESS" and not is_ours:
        return refusals.NO_PERFORMER
    return refusals.ACCEPTED


def update(state: WorkitemState, kept: str | None, given: str | None) -> Verdict:
    """Say what a request to update a workitem comes to (PS3.4 CC.2.6).

    Args:
        state: that it has.
        kept: the Transaction UID that it was claimed with.
        given: that of the request.
    """
    if state in FINAL:
        return refusals.UPDATE_OF_ENDED
    if state == "SCHEDULED":
        return refusals.UPDATE_UNCLAIMED if given else refusals.DONE
    if given != kept:
        return refusals.UPDATE_WITHOUT_UID
    return refusals.DONE
