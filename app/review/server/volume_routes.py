"""A study's voxels and masks, and slices drawn by the server."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.nifti import encode_nifti
from nodulus.app.review.desk import Desk
from nodulus.app.review.outlines import current_labels, labelled_box
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.caller import Asking
from nodulus.app.review.server.entity_tags import Known, entity_tag, not_modified
from nodulus.app.review.slice_picture import (
    PlaneName,
    draw_slice,
    is_first_axis,
    slice_count,
)
from nodulus.app.review.volumes import VolumeName, encode_volume
from nodulus.transforms.geometry import Geometry

_GZIP = "application/gzip"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is what If-None-Match says"},
    400: {"model": Problem},
    404: {"model": Problem},
}
_WINDOWS = {"lung": (-600.0, 1500.0), "mediastinum": (40.0, 400.0), "bone": (400.0, 1800.0)}
"""Centre and width in HU; the same as in the report, and usual ones."""


def volume_routes(desk: Desk) -> APIRouter:
    """Make the routes.

    Args:
        desk: with the studies.
    """
    router = APIRouter(prefix="/api/studies/{key}", tags=["images"], responses=_PROBLEMS)

    def volume(key: str, name: VolumeName, known: str | None) -> Response:
        study = desk.study(key)
        headers = _headers(study.analysis, name)
        return not_modified(known, headers) or _file(
            encode_volume(desk.images(study), name), headers
        )

    @router.get("/preview.nii.gz", response_class=Response)
    def preview(key: str, known: Known = None) -> Response:
        """All of the CT in voxels of about 4 mm, int16 HU."""
        return volume(key, "preview", known)

    @router.get("/lungs.nii.gz", response_class=Response)
    def lungs(key: str, known: Known = None) -> Response:
        """The lungs' box at full resolution, int16 HU."""
        return volume(key, "lungs", known)

    @router.get("/ct.nii.gz", response_class=Response)
    def ct(key: str, known: Known = None) -> Response:
        """All of the CT, int16 HU."""
        return volume(key, "ct", known)

    @router.get("/labels.nii.gz", response_class=Response)
    def labels(
        key: str,
        caller: Asking,
        version: Annotated[int | None, Query(ge=0, le=10**9)] = None,
        box: bool = False,
        known: Known = None,
    ) -> Response:
        """The masks as they are now, on the CT's grid; values are the findings' labels.

        With ``box`` only the box that holds them; the affine tells where it lies.
        """
        study = desk.study(key)
        view = desk.view(study, caller.reading)
        state = view.state
        # An adjudicator's log is empty before and after both first readers have signed.
        headers = _headers(study.analysis, view.reading, view.is_final, state.version, box)
        unchanged = not_modified(known, headers)
        if unchanged is not None:
            return unchanged
        images = desk.images(study)
        geometry = images.volume.geometry
        if not box:
            return _file(encode_nifti(current_labels(images.labels, state), geometry), headers)
        where, part = labelled_box(images.labels, images.label_boxes, state)
        return _file(
            encode_nifti(part, geometry.cropped([s.start for s in where], part.shape)), headers
        )

    @router.get("/slice.png", response_class=Response)
    def slice_png(
        key: str,
        caller: Asking,
        plane: PlaneName = "axial",
        index: Annotated[int | None, Query(ge=0, le=1 << 16)] = None,
        window: Annotated[str, Query(max_length=40)] = "lung",
        slab_mm: Annotated[float, Query(ge=0, le=100, allow_inf_nan=False)] = 0.0,
        outlines: bool = True,
    ) -> Response:
        """One slice as a picture; the middle one where none is named.

        The index is that of the CT's voxels along the axis that the plane cuts; the patient's right
        is on the left, the head or the front at the top.
        """
        window_hu = _window(window)
        study = desk.study(key)
        volume = study.result.volume
        geometry = Geometry(volume.shape_irc, np.array(volume.affine_lps))
        count = slice_count(plane, geometry)
        number = count // 2 if index is None else index
        if number >= count:
            raise _refused(f"There are {count} {plane} slices.", "Name one from 0 on.")
        early = None
        if not outlines and not slab_mm and is_first_axis(plane, geometry):
            early = desk.early_slice(study, number)
        if early is not None:
            own = geometry.cropped([number, 0, 0], early.shape)
            picture = draw_slice(early, None, own, plane, 0, window_hu, 0.0)
        else:
            images = desk.images(study)
            labels = (
                current_labels(images.labels, desk.view(study, caller.reading).state)
                if outlines
                else None
            )
            hu, geometry = images.volume.hu, images.volume.geometry
            picture = draw_slice(hu, labels, geometry, plane, number, window_hu, slab_mm)
        headers = {"X-Slice-Count": str(count), "X-Slice-Index": str(number)}
        return Response(picture, media_type="image/png", headers=headers)

    return router


def _file(content: bytes, headers: dict[str, str]) -> Response:
    return Response(content, media_type=_GZIP, headers=headers)


def _headers(*parts: object) -> dict[str, str]:
    # Kept by the browser, which asks each time whether it still holds.
    tag = entity_tag("/".join(str(part) for part in parts).encode())
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _window(text: str) -> tuple[float, float]:
    if text in _WINDOWS:
        return _WINDOWS[text]
    try:
        center, width = (float(part) for part in text.split(","))
    except ValueError:
        center, width = 0.0, 0.0
    if not (abs(center) <= 1e5 and 1 <= width <= 1e5):
        raise _refused("There is no such window.", f"Use {', '.join(_WINDOWS)} or CENTRE,WIDTH.")
    return center, width


def _refused(message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.REQUEST_REFUSED, message, remedy=remedy)
