"""Data sets of requests and of the database: DICOM JSON (PS3.18 F)."""

from __future__ import annotations

import json
import warnings
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from nodulus.app.serve.workitems.refusals import unfit
from nodulus.app.serve.workitems.settings import WorkitemSettings

_KINDS = ("application/dicom+json", "application/json", "")
_REMEDY = "Send one data set as DICOM JSON (PS3.18 F)."


def parse_payload(body: bytes, content_type: str, settings: WorkitemSettings) -> Dataset:
    """Read the data set of a request.

    Args:
        body: an object of DICOM JSON, or a list of one.
        content_type: of the request.
        settings: with its limits.

    Raises:
        WorkitemRefusedError: it is none, or is too large or too deep.
    """
    if content_type.partition(";")[0].strip().lower() not in _KINDS:
        raise unfit("The media type is not application/dicom+json.", _REMEDY)
    if len(body) > settings.max_workitem_bytes:
        raise unfit("The data set is too large.", f"Send {settings.max_workitem_bytes:,} bytes.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unfit("The body is no JSON.", _REMEDY) from error
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise unfit("The body is not one data set.", _REMEDY)
    _check(content, settings.max_depth)
    dataset = dataset_of(content)
    for tag in [element.tag for element in dataset if element.tag.group < 0x0008]:
        del dataset[tag]  # commands of DIMSE and file meta information are no part of a workitem
    return dataset


def dataset_of(content: dict[str, Any]) -> Dataset:
    """Make a data set of DICOM JSON.

    Raises:
        WorkitemRefusedError: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = Dataset.from_json(content)
            dataset.to_json_dict()  # values are converted when they are read
    except Exception as error:  # pydicom fails in many ways on what is no data set
        raise unfit("The data set does not hold.", _REMEDY) from error
    return dataset


def to_content(dataset: Dataset) -> dict[str, Any]:
    """Give a data set as DICOM JSON; the database keeps it so too."""
    content: dict[str, Any] = dataset.to_json_dict()
    return content


def _check(content: dict[str, Any], depth: int) -> None:
    """Make sure that each element is of the standard's representation, and none elsewhere."""
    if depth <= 0:
        raise unfit("The data set is too deep.", "Send fewer sequences in sequences.")
    for tag, element in content.items():
        is_tag = len(tag) == 8 and all(digit in "0123456789ABCDEFabcdef" for digit in tag)
        if not is_tag or not isinstance(element, dict):
            raise unfit("The data set has a member that is no element.", _REMEDY)
        if "BulkDataURI" in element or "InlineBinary" in element:
            raise unfit("A workitem has no bulk data.", "Leave it out (PS3.18 11.1.3).")
        vr, values = element.get("vr"), element.get("Value", [])
        if not isinstance(vr, str) or not isinstance(values, list):
            raise unfit("The data set has a member that is no element.", _REMEDY)
        if vr != _usual_vr(tag, vr):
            raise unfit(f"({tag[:4]},{tag[4:]}) has another value representation.", "See PS3.6.")
        if vr == "SQ":
            for item in values:
                if not isinstance(item, dict):
                    raise unfit("A sequence has an item that is no data set.", _REMEDY)
                _check(item, depth - 1)


def _usual_vr(tag: str, given: str) -> str:
    """The representation by the dictionary; of unknown elements and of those with several ours."""
    try:
        usual = dictionary_VR(int(tag, 16))
    except KeyError:
        return given
    return given if " or " in usual else usual
