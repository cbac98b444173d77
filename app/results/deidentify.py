"""De-identified results: the Basic Application Level Confidentiality Profile (DICOM PS3.15 E).

The attributes and what becomes of each are dicom-anonymizer's table of the standard. Three things
are added to it. Sequences are walked to the bottom, as the profile wants it; the library stops at
the top. What Nodulus itself has written stays (Clean Structured Content and Clean Descriptors
Options): the content of the SR, the series descriptions, the report as a document. A patient's
objects share a PatientID, and those of two patients do not.

UIDs are mapped at random, alike throughout a run of the program and differently in the next one;
nothing keeps what was mapped to what. References to the source images are mapped in the same way,
so objects of one run refer to each other, and to nothing outside it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult

if TYPE_CHECKING:
    from nodulus.app.reading import StudyInput

Action = Callable[[Dataset, tuple[int, int]], None]

STANDARD = "dicomfields_2026c"
METHOD = "Nodulus: DICOM PS3.15 Basic Profile, with dicom-anonymizer"
OPTIONS = (
    codes.DCM.BasicApplicationConfidentialityProfile,
    codes.DCM.CleanStructuredContentOption,
    codes.DCM.CleanDescriptorsOption,
)
_OURS = (
    "ContentSequence",
    "ContributionDescription",
    "DocumentTitle",
    "EncapsulatedDocument",
    "ImageComments",
    "SeriesDescription",
)
"""What the profile removes because it may hold anything; here it holds what Nodulus wrote."""

_DUMMIES = {
    "DA": ("00010101", "19000101"),
    "DT": ("00010101", "19000101000000"),
}
"""The library's dummy dates are of the year 1, which dciodvfy takes for an error."""

_EMPTY = ("PatientBirthDate", "StudyDate", "StudyTime")
"""The standard says empty (Z); the library would put in dates of the year 1."""


_uids_lock = Lock()
"""Objects of one study are made in several threads, and share the library's table of UIDs."""


def require_library() -> None:
    """Check that dicom-anonymizer is installed.

    Raises:
        NodulusError: ``package-missing``.
    """
    if importlib.util.find_spec("dicomanonymizer") is None:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "De-identified results need dicom-anonymizer.",
            remedy="Install it with: pip install -c constraints.txt '.[deidentify]'",
        )


def new_uid(value: str) -> str:
    """Give the UID that stands for another one in this run; one that stands already stays.

    Args:
        value: a UID, or any other name of a series.
    """
    from dicomanonymizer import simpledicomanonymizer as library

    with _uids_lock:
        given = str(library.get_UID(str(value)))
        library.dictionary[given] = given
    return given


def deidentified_study(study: StudyInput) -> StudyInput:
    """Give a study under another key, as its folder is named after it."""
    from dataclasses import replace

    return replace(study, key=new_uid(study.key))


def deidentified_result(result: StudyResult) -> StudyResult:
    """Give a result with other UIDs."""
    return result.model_copy(
        update={
            "study_uid": None if result.study_uid is None else new_uid(result.study_uid),
            "series_uid": new_uid(result.series_uid),
            "series_considered": tuple(
                series.model_copy(update={"series_uid": new_uid(series.series_uid)})
                for series in result.series_considered
            ),
            # A checksum tells whose file it is, and the name of an algorithm may hold anything.
            "candidate_sources": tuple(
                source.model_copy(update={"sha256": None, "algorithm": None})
                if source.form != "segmentation"
                else source
                for source in result.candidate_sources
            ),
            "findings": tuple(
                finding.model_copy(update={"tracking_uid": new_uid(finding.tracking_uid)})
                for finding in result.findings
            ),
        }
    )


def deidentify(dataset: Dataset) -> None:
    """De-identify an object that Nodulus made, in place.

    Args:
        dataset: with its file meta information.
    """
    _walk(dataset, _actions())
    _walk(dataset.file_meta, _actions())
    dataset.remove_private_tags()
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.DeidentificationMethodCodeSequence = [_item(code) for code in OPTIONS]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"


def _walk(dataset: Dataset, actions: dict[tuple[int, ...], Action]) -> None:
    for tag in list(dataset.keys()):
        key = (tag.group, tag.element)
        for action in _actions_of(key, actions):
            if tag in dataset:
                action(dataset, key)
        if tag in dataset and dataset[tag].VR in _DUMMIES:
            _date_that_validators_take(dataset[tag])
        if tag in dataset and dataset[tag].VR == "SQ":
            for item in dataset[tag].value:
                _walk(item, actions)


def _actions_of(key: tuple[int, int], actions: dict[tuple[int, ...], Action]) -> Iterator[Action]:
    """The action for an attribute, by its tag or by a repeating group's (with masks)."""
    if key in actions:
        yield actions[key]
    group, element = key
    for tag in _REPEATING_GROUPS:
        if group & tag[2] == tag[0] & tag[2] and element & tag[3] == tag[1] & tag[3]:
            yield actions[tag]


_REPEATING_GROUPS = (
    (0x5000, 0x0000, 0xFF00, 0x0000),
    (0x6000, 0x4000, 0xFF00, 0xFFFF),
    (0x6000, 0x3000, 0xFF00, 0xFFFF),
)
"""Curve data, overlay comments, overlay data, as in the library's table."""


@lru_cache(maxsize=1)
def _actions() -> dict[tuple[int, ...], Action]:
    """What is done with each attribute."""
    from dicomanonymizer import simpledicomanonymizer as library

    actions = cast("dict[tuple[int, ...], Action]", library.initialize_actions(STANDARD))
    for tag, action in actions.items():
        # The contained UIDs are mapped on the way down: U of X/Z/U*.
        if action is library.delete_or_empty_or_replace_UID:
            actions[tag] = library.keep
        elif action is library.replace_UID:
            actions[tag] = _map_uid
        elif action is library.delete_or_empty:
            actions[tag] = _sequences_deleted(action)
    for keyword in _OURS:
        actions[_tag(keyword)] = library.keep
    for keyword in _EMPTY:
        actions[_tag(keyword)] = library.replace_with_value([""])
    actions[_tag("PatientID")] = _pseudonym
    return actions


def _date_that_validators_take(element: Any) -> None:
    dummy, taken = _DUMMIES[element.VR]
    if str(element.value).startswith(dummy):
        element.value = taken


def _tag(keyword: str) -> tuple[int, int]:
    tag = Tag(keyword)
    return tag.group, tag.element


def _map_uid(dataset: Dataset, tag: tuple[int, int]) -> None:
    element = dataset[tag]
    if element.VM > 1:
        element.value = [new_uid(value) for value in element.value]
    elif element.value:
        element.value = new_uid(element.value)


def _sequences_deleted(action: Action) -> Action:
    """The action X/Z; a sequence goes: the library would empty what its items must hold."""

    def deleted(dataset: Dataset, tag: tuple[int, int]) -> None:
        if dataset[tag].VR == "SQ":
            del dataset[tag]
        else:
            action(dataset, tag)

    return deleted


def _pseudonym(dataset: Dataset, tag: tuple[int, int]) -> None:
    """A PatientID of the run's own; the profile asks for a dummy (Z/D)."""
    if dataset[tag].value:
        dataset[tag].value = new_uid(f"patient {dataset[tag].value}")


def _item(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
