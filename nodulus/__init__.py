"""Nodulus: lung nodules in chest CT, from a path to ranked and explained findings.

The public Python interface; everything else may change from one release to the next:

    >>> import nodulus
    >>> volume = nodulus.load_volume("CT_FOLDER")
    >>> analysis = nodulus.Chain().analyse(volume)
    >>> analysis.labels.shape == volume.hu.shape
    True
    >>> for finding in analysis.findings:
    ...     row = finding.id, finding.center_lps_mm, finding.malignancy_probability

Names are imported when they are first used, so that ``import nodulus`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodulus.app.candidates import open_candidates
    from nodulus.app.chain import Analysis, Chain
    from nodulus.app.errors import ErrorCode, NodulusError
    from nodulus.app.reading import load_volume
    from nodulus.app.result import Finding
    from nodulus.app.volume import CtVolume

    __version__: str

__all__ = [
    "Analysis",
    "Chain",
    "CtVolume",
    "ErrorCode",
    "Finding",
    "NodulusError",
    "__version__",
    "load_volume",
    "open_candidates",
]

# In a checkout the packages lie beside this folder, in an installed copy inside it.
_HERE = Path(__file__).resolve().parent
if not (_HERE / "app").is_dir():
    __path__.append(str(_HERE.parent))

_HOMES = {
    "Analysis": "nodulus.app.chain",
    "Chain": "nodulus.app.chain",
    "CtVolume": "nodulus.app.volume",
    "ErrorCode": "nodulus.app.errors",
    "Finding": "nodulus.app.result",
    "NodulusError": "nodulus.app.errors",
    "load_volume": "nodulus.app.reading",
    "open_candidates": "nodulus.app.candidates",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("nodulus")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
