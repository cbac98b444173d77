"""The files of a comparison; what cannot be made is left out and said in the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nodulus.app.followup.compare import AnalysedScan
from nodulus.app.followup.follow_up_sr import SR_FILE, encode_follow_up_sr, why_no_sr
from nodulus.app.followup.page import PAGE_FILE, build_page
from nodulus.app.followup.pair_folder import FOLLOW_UP_FILE
from nodulus.app.followup.pair_pictures import pair_pictures
from nodulus.app.followup.result import FollowUp
from nodulus.app.results.failure_words import INCOMPLETE, explain_failure, incomplete_warning
from nodulus.app.results.texts import Language


@dataclass(frozen=True)
class PairOptions:
    """What is written beside follow_up.json.

    Args:
        report: whether follow_up.html is.
        sr: whether the DICOM structured report is, of DICOM scans.
        language: of follow_up.html.
    """

    report: bool = True
    sr: bool = True
    language: Language = "en"


def pair_files(
    prior: AnalysedScan, current: AnalysedScan, found: FollowUp, options: PairOptions
) -> tuple[FollowUp, dict[str, bytes]]:
    """Make what is written beside follow_up.json.

    Args:
        prior: the earlier scan.
        current: the later one.
        found: what has changed.
        options: what is wanted.

    Returns:
        What has changed with the names of its files, the reasons for those left out and a warning
        where one could not be made; and the files' bytes by their names.
    """
    files: dict[str, bytes] = {}
    names = {"follow_up": FOLLOW_UP_FILE}
    left_out = {}
    failed = {}

    def attempt(what: str, name: str, make: Callable[[], bytes]) -> None:
        try:
            files[name] = make()
            names[what] = name
        except Exception as error:
            failed[what] = explain_failure(error)

    reason = why_no_sr(prior, current) if options.sr else "not asked for"
    if reason is None:
        attempt("sr", SR_FILE, lambda: encode_follow_up_sr(prior, current, found))
    else:
        left_out["sr"] = reason
    if failed:
        found = found.model_copy(update={"warnings": (*found.warnings, incomplete_warning(failed))})
    if options.report:
        attempt(
            "report",
            PAGE_FILE,
            lambda: build_page(
                found, pair_pictures(prior, current, found), options.language
            ).encode(),
        )
    else:
        left_out["report"] = "not asked for"
    warnings = tuple(warning for warning in found.warnings if warning.code != INCOMPLETE)
    if failed:
        warnings = (*warnings, incomplete_warning(failed))
        left_out |= {what: f"could not be made: {why}" for what, why in failed.items()}
    update = {"files": names, "files_left_out": left_out, "warnings": warnings}
    return found.model_copy(update=update), files


def is_complete(found: FollowUp) -> bool:
    """Whether everything that was asked for could be made."""
    return all(warning.code != INCOMPLETE for warning in found.warnings)
