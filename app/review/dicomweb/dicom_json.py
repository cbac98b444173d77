"""Data sets as DICOM JSON (PS3.18 F)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydicom import Dataset

from nodulus.app.review.dicomweb.instances import Instance
from nodulus.app.review.server.answers import Problem

DICOM_JSON = "application/dicom+json"
DICOM_JSON_ANSWER: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"description": "Data sets", "content": {DICOM_JSON: {}}}},
}
"""Arguments of a route that answers so; its errors stay plain JSON."""
PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in (400, 404)}
_BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_BULK_BYTES = 4096
"""Longer values of the data set itself are left out, and have an address of their own."""


def json_answer(answers: Sequence[Dataset]) -> Response:
    """Give data sets as an answer."""
    return _answer([_as_json(answer) for answer in answers])


def metadata_answer(found: Sequence[Instance], base: str) -> Response:
    """Give the data sets of instances, with addresses in the place of bulk data.

    Args:
        found: the instances.
        base: the address of their study.
    """
    return _answer([_metadata(one, base) for one in found])


def _metadata(one: Instance, base: str) -> dict[str, Any]:
    bulk = {
        element.tag: element.VR
        for element in one.header
        if element.VR in _BULK_VRS and len(element.value or b"") > _BULK_BYTES
    }
    small = Dataset({e.tag: e for e in one.header if e.tag not in bulk})
    content = _as_json(small)
    address = f"{base}/series/{one.series_uid}/instances/{one.uid}/bulkdata"
    for tag, vr in bulk.items():
        content[f"{tag:08X}"] = {"vr": vr, "BulkDataURI": f"{address}/{tag:08X}"}
    return content


def _as_json(answer: Dataset) -> dict[str, Any]:
    return answer.to_json_dict(suppress_invalid_tags=True)


def _answer(content: list[dict[str, Any]]) -> Response:
    return JSONResponse(content, media_type=DICOM_JSON)
