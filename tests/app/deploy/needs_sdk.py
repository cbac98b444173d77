"""Tests that need the MONAI Deploy App SDK."""

from __future__ import annotations

from importlib import metadata

import pytest


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


NEEDS_SDK = pytest.mark.skipif(
    not _is_installed("monai-deploy-app-sdk"),
    reason="needs the MONAI Deploy App SDK: make test-deploy",
)
