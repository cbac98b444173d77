"""A static build of another viewer, as its makers publish it, in a folder that a user names.

A build is served unchanged. Its scripts load each other from the addresses that were fixed when it
was built (webpack's public path, in OHIF's published build the root), so that its files are served
there, after the application's own; its page is below `VIEWER`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.server.static_files import collect_files

VIEWER = "/viewer"
"""Where the viewer's pages are."""
_PAGE = "index.html"
_LEFT_OUT = frozenset({"sw.js", "app-config.js"})
"""A service worker would stand between the browser and all pages; the configuration is ours."""
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class ViewerBuild:
    """What is in the folder.

    Args:
        files: by their paths in the folder.
        policy: the Content-Security-Policy of its page and files.
    """

    files: dict[str, Path]
    policy: str

    @property
    def page(self) -> Path:
        """Its page; which part of it is shown follows from the address."""
        return self.files[_PAGE]

    def has(self, path: str) -> bool:
        """Whether what is answered at a path is the viewer's."""
        return path.startswith(f"{VIEWER}/") or path[1:] in self.files


def open_viewer_build(folder: Path) -> ViewerBuild:
    """Find a build's files.

    Args:
        folder: with its index.html.

    Raises:
        NodulusError: ``input-not-found`` where there is no index.html in it.
    """
    if not (folder / _PAGE).is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            f"The folder of the viewer has no {_PAGE}.",
            remedy="Name the folder that has it: of the npm package @ohif/app that is dist.",
            subject=folder,
        )
    files = {n: f for n, f in collect_files(folder).items() if n not in _LEFT_OUT}
    return ViewerBuild(files, _policy(files[_PAGE].read_bytes()))


def study_in_viewer(study_uid: str) -> str:
    """Give the address at which the viewer shows a study.

    Args:
        study_uid: StudyInstanceUID.
    """
    return f"{VIEWER}/viewer?{urlencode({'StudyInstanceUIDs': study_uid})}"


def _policy(page: bytes) -> str:
    """The strictest Content-Security-Policy under which OHIF works.

    Two things are open that the application's own closes. Styles may stand in the page, where React
    and vtk.js write them. Scripts may make functions from strings: the package ndarray, by which
    OHIF reads a segmentation, compiles its classes so. Scripts in the page are allowed by their
    checksums, those in files from this origin alone.
    """
    scripts = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
    ]
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self' 'unsafe-eval'", *scripts]),
            "img-src 'self' blob: data:",
            "font-src 'self' data:",
            "style-src 'self' 'unsafe-inline'",
            "worker-src 'self' blob:",
            "connect-src 'self' blob: data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
