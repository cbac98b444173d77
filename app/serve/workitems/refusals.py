"""What the worklist answers where it does not do as asked: PS3.4 CC.2 in the terms of PS3.18 11."""

from __future__ import annotations

from dataclasses import dataclass

from nodulus.app.errors import ErrorCode

_CONFLICT = "The submitted request is inconsistent with the current state of the Workitem."
_STATE_CONFLICT = "The submitted request is inconsistent with the state of the UPS Instance."


@dataclass(frozen=True)
class Verdict:
    """An answer.

    Args:
        status: of HTTP.
        warning: text of the Warning header; empty for none.
        dimse: the status that the same request has in DIMSE (PS3.4 CC.2).
        remedy: what the program that asks can do.
    """

    status: int
    warning: str = ""
    dimse: int = 0x0000
    remedy: str = "See PS3.18 11 for what a workitem can be asked for."

    @property
    def is_done(self) -> bool:
        """Whether it was done, or had been."""
        return self.status < 400

    @property
    def code(self) -> ErrorCode:
        """For the answer's body."""
        if self.status in (404, 410):
            return ErrorCode.WORKITEM_NOT_FOUND
        return ErrorCode.WORKITEM_CONFLICT if self.status == 409 else ErrorCode.REQUEST_REFUSED


class WorkitemRefusedError(Exception):
    """A request that the worklist does not do.

    Args:
        verdict: why.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.warning)
        self.verdict = verdict


DONE = Verdict(200)
ACCEPTED = Verdict(202)
ALREADY_CANCELED = "The UPS is already in the requested state of CANCELED."
STATE_ALREADY_CANCELED = Verdict(200, ALREADY_CANCELED, 0xB304)
STATE_ALREADY_COMPLETED = Verdict(
    200, "The UPS is already in the requested state of COMPLETED.", 0xB306
)
NO_LONGER = Verdict(409, _STATE_CONFLICT, 0xC300, "It has ended; make a new one.")
UID_MISSING = Verdict(
    400, "The Transaction UID is missing.", 0xC301, "Send the one it was claimed with."
)
UID_INCORRECT = Verdict(
    400, "The Transaction UID is incorrect.", 0xC301, "Send the one it was claimed with."
)
ALREADY_IN_PROGRESS = Verdict(409, _STATE_CONFLICT, 0xC302, "Another has claimed it.")
NOT_TO_SCHEDULED = Verdict(
    400, _STATE_CONFLICT, 0xC303, "A workitem is SCHEDULED when it is made, and then never again."
)
NOT_FINAL = Verdict(
    409, _STATE_CONFLICT, 0xC304, "Update what a final state needs first (PS3.4 Table CC.2.5-3)."
)
NOT_IN_PROGRESS = Verdict(409, _STATE_CONFLICT, 0xC310, "Claim it first: IN PROGRESS.")

CANCEL_OF_CANCELED = Verdict(202, ALREADY_CANCELED, 0xB304)
CANCEL_OF_COMPLETED = Verdict(409, "The UPS is already COMPLETED.", 0xC311, "Nothing is left.")
NO_PERFORMER = Verdict(
    409, "The performer cannot be contacted.", 0xC312, "Ask who has claimed it themselves."
)

UPDATE_OF_ENDED = Verdict(400, _CONFLICT, 0xC300, "It has ended; make a new one.")
UPDATE_UNCLAIMED = Verdict(409, _CONFLICT, 0xC310, "Leave out the Transaction UID, or claim it.")
UPDATE_WITHOUT_UID = Verdict(
    400, "The target URI did not reference a claimed Workitem.", 0xC301,
    "Send the Transaction UID that it was claimed with.",
)  # fmt: skip

NOT_FOUND = Verdict(
    404, "The origin server has no such Workitem.", 0xC307, "Search for the workitems."
)
GONE = Verdict(410, "The Workitem was deleted.", 0xC307, "It ended too long ago.")
EXISTS = Verdict(409, "The Workitem already exists.", 0x0111, "Give another UID.")
NO_EVENTS = Verdict(
    403, "The origin server does not support event reports.", 0xC315,
    "Retrieve or search for workitems again and again.",
)  # fmt: skip


def unfit(message: str, remedy: str, dimse: int = 0x0106) -> WorkitemRefusedError:
    """What to raise where a request's data set does not hold.

    Args:
        message: what is wrong.
        remedy: what to send instead.
        dimse: the status that it has in DIMSE.
    """
    return WorkitemRefusedError(Verdict(400, message, dimse, remedy))
