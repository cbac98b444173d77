"""The MONAI Deploy App SDK, made ready to be imported."""

from __future__ import annotations

import importlib.util
import os
import resource
from importlib import metadata

from nodulus.app.errors import ErrorCode, NodulusError

_STACK_BYTES = 32 * 1024**2
"""What Holoscan asks for."""


def prepare_sdk() -> None:
    """Check that the SDK is installed, and keep it from talking; to be called before its import.

    Raises:
        NodulusError: ``package-missing``.
    """
    try:
        metadata.version("monai-deploy-app-sdk")
        found = importlib.util.find_spec("holoscan") is not None
    except metadata.PackageNotFoundError:
        found = False
    if not found:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "The MONAI Deploy application needs monai-deploy-app-sdk and holoscan-cu13.",
            remedy="Install them with: pip install -c constraints.txt '.[deploy]'"
            " (Linux, Python 3.11 or later), or use `nodulus detect`, which needs neither.",
        )
    os.environ.setdefault("HOLOSCAN_LOG_LEVEL", "ERROR")
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
