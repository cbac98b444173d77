"""WADO-RS (PS3.18 10.4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydicom import dcmread
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.dicomweb.base_address import base_address
from nodulus.app.review.dicomweb.chosen_instances import chosen_instances
from nodulus.app.review.dicomweb.dicom_json import DICOM_JSON_ANSWER, PROBLEMS, metadata_answer
from nodulus.app.review.dicomweb.instances import Instance, Instances
from nodulus.app.review.dicomweb.rendering import encode_frame, frame_bytes

THUMBNAIL_PX = 128
"""Of the longer side."""
_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_SERIES = "/studies/{study}/series/{series}"
_INSTANCE = _SERIES + "/instances/{uid}"
Window = Annotated[str | None, Query(max_length=60)]


def retrieve_routes(instances: Instances, prefix: str) -> APIRouter:
    """Make the routes.

    Args:
        instances: that may be asked for.
        prefix: of the addresses.
    """
    router = APIRouter(prefix=prefix, tags=["DICOMweb"], responses=PROBLEMS)
    chosen = partial(chosen_instances, instances)

    def metadata(
        request: Request, study: str, series: str | None = None, uid: str | None = None
    ) -> Response:
        base = f"{base_address(request)}{prefix}/studies/{study}"
        return metadata_answer(chosen(study, series, uid), base)

    @router.get("/studies/{study}/metadata", **DICOM_JSON_ANSWER)
    def study_metadata(study: str, request: Request) -> Response:
        """WADO-RS: the data sets of a study, without pixels."""
        return metadata(request, study)

    @router.get(_SERIES + "/metadata", **DICOM_JSON_ANSWER)
    def series_metadata(study: str, series: str, request: Request) -> Response:
        """WADO-RS: the data sets of a series, without pixels."""
        return metadata(request, study, series)

    @router.get(_INSTANCE + "/metadata", **DICOM_JSON_ANSWER)
    def instance_metadata(study: str, series: str, uid: str, request: Request) -> Response:
        """WADO-RS: the data set of an instance, without pixels."""
        return metadata(request, study, series, uid)

    @router.get("/studies/{study}", response_class=StreamingResponse)
    def retrieve_study(study: str) -> Response:
        """WADO-RS: all instances of a study, as they came."""
        return _files(chosen(study))

    @router.get(_SERIES, response_class=StreamingResponse)
    def retrieve_series(study: str, series: str) -> Response:
        """WADO-RS: all instances of a series, as they came."""
        return _files(chosen(study, series))

    @router.get(_INSTANCE, response_class=StreamingResponse)
    def retrieve_instance(study: str, series: str, uid: str) -> Response:
        """WADO-RS: an instance, as it came."""
        return _files(chosen(study, series, uid))

    @router.get(_INSTANCE + "/frames/{numbers}", response_class=StreamingResponse)
    def retrieve_frames(study: str, series: str, uid: str, numbers: str) -> Response:
        """WADO-RS: frames, from 1 on, commas between; decoded, little endian."""
        one = chosen(study, series, uid)[0]
        frames = _frame_numbers(numbers, one.frames)
        kind = f"application/octet-stream; transfer-syntax={_LITTLE_ENDIAN}"
        return _multipart((partial(frame_bytes, one, number) for number in frames), kind)

    @router.get(_INSTANCE + "/bulkdata/{tag}", response_class=StreamingResponse)
    def retrieve_bulk_data(study: str, series: str, uid: str, tag: str) -> Response:
        """WADO-RS: what metadata have an address for in the place of a value, by its tag."""
        value = _value(chosen(study, series, uid)[0], tag)
        return _multipart([lambda: value], "application/octet-stream")

    @router.get(_INSTANCE + "/rendered", response_class=Response)
    def rendered(
        study: str, series: str, uid: str, request: Request, window: Window = None
    ) -> Response:
        """WADO-RS: the first frame as JPEG or PNG."""
        return _picture(chosen(study, series, uid)[0], 1, request, window)

    @router.get(_INSTANCE + "/frames/{number}/rendered", response_class=Response)
    def rendered_frame(
        study: str, series: str, uid: str, number: str, request: Request, window: Window = None
    ) -> Response:
        """WADO-RS: a frame as JPEG or PNG; ``window`` is CENTRE,WIDTH[,FUNCTION]."""
        one = chosen(study, series, uid)[0]
        return _picture(one, _frame_numbers(number, one.frames)[0], request, window)

    @router.get(_SERIES + "/thumbnail", response_class=Response)
    def series_thumbnail(study: str, series: str, request: Request) -> Response:
        """WADO-RS: the series' middle instance as a small JPEG or PNG."""
        found = chosen(study, series)
        return _thumbnail(found[len(found) // 2], request)

    @router.get(_INSTANCE + "/thumbnail", response_class=Response)
    def thumbnail(study: str, series: str, uid: str, request: Request) -> Response:
        """WADO-RS: an instance's middle frame as a small JPEG or PNG."""
        return _thumbnail(chosen(study, series, uid)[0], request)

    return router


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


def _value(one: Instance, tag: str) -> bytes:
    """The bytes of an element of the data set."""
    value = None
    if len(tag) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in tag):
        wanted = Tag(int(tag, 16))
        header = dcmread(one.path, specific_tags=[wanted])
        value = header[wanted].value if wanted in header else None
    if not isinstance(value, bytes):
        raise NodulusError(
            ErrorCode.REQUEST_REFUSED,
            "The instance has no such bulk data.",
            remedy="Use an address of its metadata (BulkDataURI).",
        )
    return value


def _picture(one: Instance, frame: int, request: Request, window: str | None) -> Response:
    kind = _picture_kind(request)
    return Response(encode_frame(one, frame, kind, window), media_type=kind)


def _thumbnail(one: Instance, request: Request) -> Response:
    kind = _picture_kind(request)
    picture = encode_frame(one, (one.frames + 1) // 2, kind, None, largest_side=THUMBNAIL_PX)
    return Response(picture, media_type=kind)


def _picture_kind(request: Request) -> str:
    return "image/png" if "image/png" in request.headers.get("accept", "") else "image/jpeg"
