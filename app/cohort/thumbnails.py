"""Small pictures of findings, taken from the reports that lie beside them."""

from __future__ import annotations

import base64
import binascii
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFilter

SIDE = 112
"""Pixels, as they are shown."""
BUDGET_BYTES = 400_000
"""Of all pictures of a page, as they stand in it."""
_PNG = "data:image/png;base64,"
_QUALITY = 80
_THICK = 5
_PERCENT = re.compile(r"(left|top|width|height): ([0-9.]+)%")


class _CloseUp(HTMLParser):
    """Finds a finding's axial close-up in a report, and the outline that is drawn over it."""

    def __init__(self, finding_id: int) -> None:
        super().__init__()
        self._alt = f"Axial close-up of nodule {finding_id},"
        self._is_past = False
        self.base = ""
        self.outline: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `html.parser.HTMLParser.handle_starttag`."""
        given = {name: value or "" for name, value in attrs}
        if tag != "img" or self._is_past:
            return
        if self.base:
            self._is_past = True
            if given.get("class") == "outline":
                self.outline = given.get("src", ""), given.get("style", "")
        elif given.get("alt", "").startswith(self._alt):
            self.base = given.get("src", "")


def thumbnail(report: Path, finding_id: int) -> str | None:
    """Give a small axial picture of a finding, outlined, as a data URI.

    It is drawn anew from pixels: nothing else of the report gets into it.

    Args:
        report: ``report.html`` of the study.
        finding_id: of the finding.

    Returns:
        None where there is no such report, or no such picture in it.
    """
    try:
        parser = _CloseUp(finding_id)
        parser.feed(report.read_text(encoding="utf-8"))
        if not parser.base:
            return None
        picture = (
            _decoded(parser.base).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        )
        if parser.outline is not None:
            _lay_over(picture, *parser.outline)
        stream = BytesIO()
        picture.save(stream, format="JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # a report that somebody has changed or cut short
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _decoded(uri: str) -> Image.Image:
    if not uri.startswith(_PNG):
        raise ValueError("no PNG")
    try:
        return Image.open(BytesIO(base64.b64decode(uri[len(_PNG) :], validate=True)))
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _lay_over(picture: Image.Image, uri: str, style: str) -> None:
    """Draw a layer where its style, in per cent of the picture, says."""
    share = {name: float(value) / 100 for name, value in _PERCENT.findall(style)}
    left, top, width, height = (share[name] for name in ("left", "top", "width", "height"))
    size = max(1, round(width * SIDE)), max(1, round(height * SIDE))
    # A line that is a pixel wide in a picture four times as large would be gone.
    thick = _decoded(uri).convert("RGBA").filter(ImageFilter.MaxFilter(_THICK))
    layer = thick.resize(size, Image.Resampling.LANCZOS)
    picture.paste(layer, (round(left * SIDE), round(top * SIDE)), layer)


def within_budget(reports: list[tuple[Path, int]], budget: int = BUDGET_BYTES) -> list[str | None]:
    """Give the pictures of findings, the first ones first, until they take too much.

    Args:
        reports: path of the report and id of the finding.
        budget: bytes of all of them.
    """
    pictures: list[str | None] = []
    for report, finding_id in reports:
        picture = thumbnail(report, finding_id) if budget > 0 else None
        budget -= len(picture or "")
        pictures.append(picture if budget >= 0 else None)
    return pictures
