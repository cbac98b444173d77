"""What this installation of Nodulus is and can do, for programs that call it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import metadata, util
from pathlib import Path
from typing import Any

from pydicom.uid import UID, AllTransferSyntaxes

from nodulus.app.chain.device import available_devices, find_device
from nodulus.app.chain.settings import load_settings
from nodulus.app.cohort.manifest import machine, versions
from nodulus.app.errors import ErrorCode
from nodulus.app.exports.formats import FORMATS
from nodulus.app.reading.pixels import missing_decoder
from nodulus.app.result import SCHEMA_VERSION
from nodulus.app.results.options import OutputOptions

_INPUTS = ("DICOM", "DICOM multi-frame", "DICOMDIR", "zip", "NIfTI", "MHD", "NRRD")
_NO_STILL_IMAGES = "MPEG|HEVC|SMPTE|JPIP"
"""Transfer syntaxes of video, audio and references, in which there is no CT."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra == ['\"]([a-z-]+)['\"]")
_OF_DEVELOPERS = {"dev", "docs"}


def describe_installation(
    models: Path | None = None, settings: Path | None = None
) -> dict[str, Any]:
    """Describe versions, machine, networks, thresholds, formats, extras and error codes.

    Nothing in it names the machine or its user. The networks are loaded, which shows that they can
    be.

    Args:
        models: a folder with the three bundles; None for the shipped ones.
        settings: a folder with settings of one's own; None for the shipped ones.

    Raises:
        NodulusError: the models or the settings cannot be used.
    """
    from nodulus.app.chain.models import load_models
    from nodulus.app.chain.network.precision import choose_precision

    chain_settings = load_settings(settings, models)
    setting = chain_settings.pipeline.precision
    points = chain_settings.operating_points
    device = find_device("auto")
    return {
        "nodulus_version": metadata.version("nodulus"),
        "schema_version": SCHEMA_VERSION,
        "versions": versions(),
        "machine": machine(),
        "devices": available_devices(),
        "device": str(device),
        "precision": choose_precision(setting, device),
        "models": [m.model_dump(mode="json") for m in load_models(models, "auto", setting).info()],
        "operating_points": [point.model_dump(mode="json") for point in points.listed()],
        "operating_point_choices": {n: p.threshold for n, p in points.nodule_choices.items()},
        "inputs": list(_INPUTS),
        "transfer_syntaxes": {
            str(uid): {"name": UID(uid).name, "readable": missing_decoder(uid) is None}
            for uid in sorted(AllTransferSyntaxes)
            if not re.search(_NO_STILL_IMAGES, UID(uid).name)
        },
        "results": {option.name: option.metadata["help"] for option in fields(OutputOptions)},
        "export_formats": {
            name: {
                "meaning": one.meaning,
                "available": one.package is None or util.find_spec(one.package) is not None,
            }
            for name, one in FORMATS.items()
        },
        "extras": dict(_extras()),
        "error_codes": [code.value for code in ErrorCode],
    }


def _extras() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each extra for users, and which of its packages are missing here."""
    wanted: dict[str, list[str]] = {}
    for requirement in metadata.requires("nodulus") or ():
        of_extra, name = _EXTRA.search(requirement), _NAME.match(requirement)
        if of_extra and name and of_extra[1] not in _OF_DEVELOPERS:
            wanted.setdefault(of_extra[1], []).append(name[0])
    for extra, packages in sorted(wanted.items()):
        missing = sorted(name for name in packages if not _is_installed(name))
        yield extra, {"complete": not missing, "missing": missing}


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
