"""Instances by the UIDs of an address."""

from __future__ import annotations

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.dicomweb.instances import Instance, Instances


def chosen_instances(
    instances: Instances, study: str, series: str | None = None, uid: str | None = None
) -> list[Instance]:
    """Give the instances of a study, of a series in it, or one of them.

    Args:
        instances: that may be asked for.
        study: StudyInstanceUID.
        series: SeriesInstanceUID; None for all.
        uid: SOPInstanceUID; None for all.

    Raises:
        NodulusError: ``study-not-found``.
    """
    found = [
        one
        for one in instances.of_study(study)
        if series in (None, one.series_uid) and uid in (None, one.uid)
    ]
    if not found:
        raise NodulusError(
            ErrorCode.STUDY_NOT_FOUND,
            "There is no such series or instance here.",
            remedy="Ask for the list of the study's series.",
        )
    return found
