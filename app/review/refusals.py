"""Which entries a study's log takes next."""

from __future__ import annotations

from collections.abc import Sequence

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.entries import (
    ABOUT_FINDING,
    Adoption,
    Entry,
    EntryData,
    Kind,
    TakenCandidate,
    Undone,
)
from nodulus.app.review.review_state import ReviewState, Start, in_force


def check_entry(
    state: ReviewState,
    entries: Sequence[Entry],
    kind: Kind,
    finding: str | None,
    data: EntryData,
    start: Start | None = None,
) -> None:
    """Make sure that an entry has a meaning here.

    Args:
        state: of the study now.
        entries: that led to it.
        kind: of the new one.
        finding: that it is about.
        data: of the new one.
        start: what the log begins with; None for the chain's findings.

    Raises:
        NodulusError: ``entry-refused``.
    """
    if state.signed_off is not None and kind != "reopen":
        raise _refused("The study is signed off.", "Reopen it with a reason first.")
    if kind == "reopen" and state.signed_off is None:
        raise _refused("The study is not signed off.", "Go on with it as it is.")
    if kind in ABOUT_FINDING or (kind == "comment" and finding is not None):
        if finding is None or state.finding(finding) is None:
            raise _refused(
                f"The study has no finding {finding or ''}".rstrip() + ".",
                "Load the study again; its findings may have changed.",
            )
    elif finding is not None:
        raise _refused(f"An entry '{kind}' is about no finding.", "Leave the finding out.")
    if kind == "sign-off" and state.to_decide:
        count = len(state.to_decide)
        raise _refused(
            f"{count} finding{' has' if count == 1 else 's have'} no decision.",
            "Accept, reject or mark each as unsure, then sign off.",
        )
    if isinstance(data, TakenCandidate):
        dropped = next((d for d in state.dropped if d.number == data.candidate), None)
        if dropped is None or dropped.taken_up:
            raise _refused(
                f"Candidate {data.candidate} was not dropped, or is taken up already.",
                "Choose one of the study's dropped candidates.",
            )
    if isinstance(data, Adoption):
        opinions = None if start is None else start.opinions.get(finding or "")
        if opinions is None or opinions[data.reader - 1] is None:
            raise _refused(
                f"First reader {data.reader} has said nothing of finding {finding}.",
                "Accept it, reject it or mark it as unsure yourself.",
            )
    if isinstance(data, Undone):
        _check_undo(entries, data)


def _check_undo(entries: Sequence[Entry], data: Undone) -> None:
    target = next((e for e in entries if e.number == data.entry), None)
    undoes = target is not None and isinstance(target.data, Undone)
    if target is None or not (undoes or any(e.number == data.entry for e in in_force(entries))):
        raise _refused(
            f"Entry {data.entry} is not there or is undone already.", "Look at the study's log."
        )
    if target.kind in ("sign-off", "reopen"):
        raise _refused(
            f"An entry '{target.kind}' cannot be undone.", "Reopen the study, or sign it off."
        )


def _refused(message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.ENTRY_REFUSED, message, remedy=remedy)
