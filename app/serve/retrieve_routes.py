"""QIDO-RS and WADO-RS (PS3.18 10.4 and 10.6) on the service's studies."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.server.answers import Problem
from nodulus.app.serve.instances import Instance, Instances
from nodulus.app.serve.rendering import encode_frame, frame_bytes

_DICOM_JSON = "application/dicom+json"
_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
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
_CONTROL = frozenset({"limit", "offset", "includefield", "fuzzymatching"})
Found = dict[int | str, dict[str, Any]]
_NOT_FOUND: Found = {404: {"model": Problem}}


def retrieve_routes(instances: Instances, prefix: str) -> APIRouter:
    """Make the routes.

    Args:
        instances: of the service's studies.
        prefix: of the addresses.
    """
    router = APIRouter(prefix=prefix, tags=["DICOMweb"], responses=_NOT_FOUND)

    def chosen(study: str, series: str | None = None, uid: str | None = None) -> list[Instance]:
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

    @router.get("/studies")
    def search_studies(
        request: Request,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """QIDO-RS: studies; attributes in the query are matched, ``*`` and date ranges too."""
        wanted = _wanted(request)
        matched = (m for uid in instances.study_uids() if (m := _study(uid, instances, wanted)))
        return _json(_page(matched, offset, limit))

    @router.get("/studies/{study}/series")
    def search_series(
        study: str,
        request: Request,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 1000,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """QIDO-RS: series of a study."""
        groups: dict[str, list[Instance]] = {}
        for one in chosen(study):
            groups.setdefault(one.series_uid, []).append(one)
        answers = []
        for members in groups.values():
            answer = _picked(members[0].header, (*_STUDY, *_SERIES))
            answer.NumberOfSeriesRelatedInstances = len(members)
            answers.append(answer)
        return _json(_page(_matching(answers, _wanted(request)), offset, limit))

    def search(
        study: str, series: str | None, request: Request, offset: int, limit: int
    ) -> Response:
        answers = [
            _picked(one.header, (*_STUDY, *_SERIES, *_INSTANCE)) for one in chosen(study, series)
        ]
        return _json(_page(_matching(answers, _wanted(request)), offset, limit))

    @router.get("/studies/{study}/instances")
    def search_study_instances(
        study: str,
        request: Request,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 5000,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """QIDO-RS: instances of a study."""
        return search(study, None, request, offset, limit)

    @router.get("/studies/{study}/series/{series}/instances")
    def search_instances(
        study: str,
        series: str,
        request: Request,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 5000,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """QIDO-RS: instances of a series."""
        return search(study, series, request, offset, limit)

    @router.get("/studies/{study}/metadata")
    def study_metadata(study: str) -> Response:
        """WADO-RS: the data sets of a study, without pixels."""
        return _json([one.header for one in chosen(study)])

    @router.get("/studies/{study}/series/{series}/metadata")
    def series_metadata(study: str, series: str) -> Response:
        """WADO-RS: the data sets of a series, without pixels."""
        return _json([one.header for one in chosen(study, series)])

    @router.get("/studies/{study}/series/{series}/instances/{uid}/metadata")
    def instance_metadata(study: str, series: str, uid: str) -> Response:
        """WADO-RS: the data set of an instance, without pixels."""
        return _json([one.header for one in chosen(study, series, uid)])

    @router.get("/studies/{study}", response_class=StreamingResponse)
    def retrieve_study(study: str) -> Response:
        """WADO-RS: all instances of a study, as they came."""
        return _files(chosen(study))

    @router.get("/studies/{study}/series/{series}", response_class=StreamingResponse)
    def retrieve_series(study: str, series: str) -> Response:
        """WADO-RS: all instances of a series, as they came."""
        return _files(chosen(study, series))

    @router.get(
        "/studies/{study}/series/{series}/instances/{uid}", response_class=StreamingResponse
    )
    def retrieve_instance(study: str, series: str, uid: str) -> Response:
        """WADO-RS: an instance, as it came."""
        return _files(chosen(study, series, uid))

    @router.get(
        "/studies/{study}/series/{series}/instances/{uid}/frames/{numbers}",
        response_class=StreamingResponse,
    )
    def retrieve_frames(study: str, series: str, uid: str, numbers: str) -> Response:
        """WADO-RS: frames, from 1 on, commas between; decoded, little endian."""
        one = chosen(study, series, uid)[0]
        frames = _frame_numbers(numbers, one.frames)
        kind = f"application/octet-stream; transfer-syntax={_LITTLE_ENDIAN}"
        return _multipart((partial(frame_bytes, one, number) for number in frames), kind)

    @router.get(
        "/studies/{study}/series/{series}/instances/{uid}/rendered", response_class=Response
    )
    def rendered(
        study: str, series: str, uid: str, request: Request,
        window: Annotated[str | None, Query(max_length=60)] = None,
    ) -> Response:  # fmt: skip
        """WADO-RS: the first frame as JPEG or PNG."""
        return _picture(chosen(study, series, uid)[0], 1, request, window)

    @router.get(
        "/studies/{study}/series/{series}/instances/{uid}/frames/{number}/rendered",
        response_class=Response,
    )
    def rendered_frame(
        study: str, series: str, uid: str, number: str, request: Request,
        window: Annotated[str | None, Query(max_length=60)] = None,
    ) -> Response:  # fmt: skip
        """WADO-RS: a frame as JPEG or PNG; ``window`` is CENTRE,WIDTH[,FUNCTION]."""
        one = chosen(study, series, uid)[0]
        return _picture(one, _frame_numbers(number, one.frames)[0], request, window)

    return router


def _study(uid: str, instances: Instances, wanted: dict[str, str]) -> Dataset | None:
    """A study's answer, None where it does not match."""
    asked = wanted.get("StudyInstanceUID", "")
    if asked not in ("", "*") and uid not in asked.replace("\\", ",").split(","):  # a list of UIDs
        return None
    members = instances.of_study(uid)
    if not members:
        return None
    answer = _picked(members[0].header, _STUDY)
    answer.ModalitiesInStudy = sorted({str(m.header.get("Modality", "")) for m in members} - {""})
    answer.NumberOfStudyRelatedSeries = len({m.series_uid for m in members})
    answer.NumberOfStudyRelatedInstances = len(members)
    others = {key: value for key, value in wanted.items() if key != "StudyInstanceUID"}
    return answer if _matches(answer, others) else None


def _wanted(request: Request) -> dict[str, str]:
    """Attributes that the query asks for, by keyword."""
    found = {}
    for name, value in request.query_params.items():
        if name in _CONTROL:
            continue
        if tag_for_keyword(name) is None:
            try:
                name = keyword_for_tag(Tag(int(name, 16)))
            except ValueError:
                name = ""
        if not name:
            raise NodulusError(
                ErrorCode.REQUEST_REFUSED,
                "The query names no attribute of DICOM.",
                remedy="Use keywords such as PatientID, or tags such as 00100020.",
            )
        found[name] = value
    return found


def _matching(answers: Iterable[Dataset], wanted: dict[str, str]) -> Iterator[Dataset]:
    return (answer for answer in answers if _matches(answer, wanted))


def _matches(answer: Dataset, wanted: dict[str, str]) -> bool:
    """Whether all attributes that were asked for match (PS3.4 C.2.2.2)."""
    return all(_is_match(answer.get(keyword), value) for keyword, value in wanted.items())


def _is_match(value: Any, wanted: str) -> bool:
    if wanted in ("", "*"):
        return True
    values = [str(value or "")]
    if isinstance(value, MultiValue):
        values = [str(one) for one in value]
    low, dash, high = wanted.partition("-")
    if dash and (low + high).isdigit():
        return any((not low or v >= low) and (not high or v <= high) for v in values if v)
    pattern = wanted.lower().replace("[", "[[]")
    return any(fnmatchcase(v.lower(), pattern) for v in values)


def _picked(header: Dataset, keywords: Sequence[str]) -> Dataset:
    answer = Dataset()
    for keyword in (*keywords, "SpecificCharacterSet"):
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        if tag in header:
            answer[tag] = header[tag]
    return answer


def _page(answers: Iterable[Dataset], offset: int, limit: int) -> list[Dataset]:
    return list(islice(answers, offset, offset + limit))


def _json(answers: Sequence[Dataset]) -> Response:
    content = [answer.to_json_dict(suppress_invalid_tags=True) for answer in answers]
    return JSONResponse(content, media_type=_DICOM_JSON)


def _files(found: Sequence[Instance]) -> Response:
    return _multipart((one.path.read_bytes for one in found), "application/dicom")


def _multipart(parts: Iterable[Callable[[], bytes]], kind: str) -> Response:
    """Parts that are made one after the other as they are sent."""
    mark = secrets.token_hex(16)

    def stream() -> Iterator[bytes]:
        for part in parts:
            yield f"--{mark}\r\nContent-Type: {kind}\r\n\r\n".encode()
            yield part()
            yield b"\r\n"
        yield f"--{mark}--\r\n".encode()

    bare = kind.partition(";")[0]
    return StreamingResponse(
        stream(), media_type=f'multipart/related; type="{bare}"; boundary={mark}'
    )


def _frame_numbers(text: str, count: int) -> list[int]:
    numbers = [int(part) for part in text.split(",") if part.isascii() and part.isdecimal()]
    if len(numbers) != len(text.split(",")) or not all(1 <= n <= count for n in numbers):
        raise NodulusError(
            ErrorCode.REQUEST_REFUSED,
            f"The instance has {count} frame(s).",
            remedy="Name frames from 1 on, with commas between.",
        )
    return numbers


def _picture(one: Instance, frame: int, request: Request, window: str | None) -> Response:
    kind = "image/png" if "image/png" in request.headers.get("accept", "") else "image/jpeg"
    return Response(encode_frame(one, frame, kind, window), media_type=kind)
