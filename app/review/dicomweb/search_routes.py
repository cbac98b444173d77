"""QIDO-RS (PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue

from nodulus.app.review.dicomweb.chosen_instances import chosen_instances
from nodulus.app.review.dicomweb.dicom_json import DICOM_JSON_ANSWER, PROBLEMS, json_answer
from nodulus.app.review.dicomweb.instances import Instance, Instances
from nodulus.app.review.dicomweb.matching import CONTROL, is_match, keyword_of

_STUDY = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
)  # fmt: skip
_SERIES = (
    "Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "SeriesDate",
    "SeriesTime", "BodyPartExamined", "Manufacturer",
)  # fmt: skip
_INSTANCE = (
    "SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated",
    "NumberOfFrames",
)  # fmt: skip
"""Attributes of the answers (PS3.18 Tables 10.6.3-3 to 10.6.3-5)."""
Limit = Annotated[int, Query(ge=0, le=10_000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]


def search_routes(instances: Instances, prefix: str) -> APIRouter:
    """Make the routes.

    Args:
        instances: that may be asked for.
        prefix: of the addresses.
    """
    router = APIRouter(prefix=prefix, tags=["DICOMweb"], responses=PROBLEMS)

    @router.get("/studies", **DICOM_JSON_ANSWER)
    def search_studies(
        request: Request,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        """QIDO-RS: studies; attributes in the query are matched, ``*`` and date ranges too."""
        wanted, more = _wanted(request), _included(request)
        matched = (
            m for uid in instances.study_uids() if (m := _study(uid, instances, wanted, more))
        )
        return json_answer(_page(matched, offset, limit))

    @router.get("/studies/{study}/series", **DICOM_JSON_ANSWER)
    def search_series(
        study: str,
        request: Request,
        limit: Limit = 1000,
        offset: Offset = 0,
    ) -> Response:
        """QIDO-RS: series of a study."""
        groups: dict[str, list[Instance]] = {}
        for one in chosen_instances(instances, study):
            groups.setdefault(one.series_uid, []).append(one)
        answers, more = [], _included(request)
        for members in groups.values():
            answer = _picked(members[0].header, (*_STUDY, *_SERIES), more)
            answer.NumberOfSeriesRelatedInstances = len(members)
            answers.append(answer)
        return json_answer(_page(_matching(answers, _wanted(request)), offset, limit))

    def search(
        study: str, series: str | None, request: Request, offset: int, limit: int
    ) -> Response:
        more = _included(request)
        answers = [
            _picked(one.header, (*_STUDY, *_SERIES, *_INSTANCE), more)
            for one in chosen_instances(instances, study, series)
        ]
        return json_answer(_page(_matching(answers, _wanted(request)), offset, limit))

    @router.get("/studies/{study}/instances", **DICOM_JSON_ANSWER)
    def search_study_instances(
        study: str,
        request: Request,
        limit: Limit = 5000,
        offset: Offset = 0,
    ) -> Response:
        """QIDO-RS: instances of a study."""
        return search(study, None, request, offset, limit)

    @router.get("/studies/{study}/series/{series}/instances", **DICOM_JSON_ANSWER)
    def search_instances(
        study: str,
        series: str,
        request: Request,
        limit: Limit = 5000,
        offset: Offset = 0,
    ) -> Response:
        """QIDO-RS: instances of a series."""
        return search(study, series, request, offset, limit)

    return router


def _study(
    uid: str, instances: Instances, wanted: dict[str, str], more: Sequence[str]
) -> Dataset | None:
    """A study's answer, None where it does not match."""
    asked = wanted.get("StudyInstanceUID", "")
    if asked not in ("", "*") and uid not in asked.replace("\\", ",").split(","):  # a list of UIDs
        return None
    members = instances.of_study(uid)
    if not members:
        return None
    answer = _picked(members[0].header, _STUDY, more)
    answer.ModalitiesInStudy = sorted({str(m.header.get("Modality", "")) for m in members} - {""})
    answer.NumberOfStudyRelatedSeries = len({m.series_uid for m in members})
    answer.NumberOfStudyRelatedInstances = len(members)
    others = {key: value for key, value in wanted.items() if key != "StudyInstanceUID"}
    return answer if _matches(answer, others) else None


def _wanted(request: Request) -> dict[str, str]:
    """Attributes that the query asks for, by keyword."""
    items = request.query_params.items()
    return {keyword_of(name): value for name, value in items if name not in CONTROL}


def _included(request: Request) -> list[str]:
    """Further attributes of the answers, by keyword; ``all`` asks for those that come anyway."""
    given = ",".join(request.query_params.getlist("includefield"))
    return [keyword_of(name) for name in given.split(",") if name not in ("", "all")]


def _matching(answers: Iterable[Dataset], wanted: dict[str, str]) -> Iterator[Dataset]:
    return (answer for answer in answers if _matches(answer, wanted))


def _matches(answer: Dataset, wanted: dict[str, str]) -> bool:
    """Whether all attributes that were asked for match (PS3.4 C.2.2.2)."""
    return all(is_match(_values(answer.get(keyword)), value) for keyword, value in wanted.items())


def _values(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, MultiValue) else [str(value or "")]


def _picked(header: Dataset, keywords: Sequence[str], more: Sequence[str]) -> Dataset:
    answer = Dataset()
    for keyword in (*keywords, *more, "SpecificCharacterSet"):
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        if tag in header:
            answer[tag] = header[tag]
    return answer


def _page(answers: Iterable[Dataset], offset: int, limit: int) -> list[Dataset]:
    return list(islice(answers, offset, offset + limit))
