"""Packages of the extras ``cohort`` and ``cluster``, imported when they are wanted."""

from __future__ import annotations

import importlib
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError


def pyarrow_parquet() -> Any:
    """Import what reads and writes Parquet.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("pyarrow.parquet")


def pyarrow() -> Any:
    """Import Arrow.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("pyarrow")


def psutil() -> Any:
    """Import what tells the memory of processes.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("psutil")


def dicomweb_client() -> Any:
    """Import what talks to DICOMweb servers.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("dicomweb_client")


def fsspec() -> Any:
    """Import what reads object storage.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("fsspec")


def ray() -> Any:
    """Import what spreads work over many machines, of the extra ``cluster``.

    Raises:
        NodulusError: ``package-missing``.
    """
    return _imported("ray", "cluster")


def _imported(name: str, extra: str = "cohort") -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            f"Cohorts need the package {name.partition('.')[0].replace('_', '-')}.",
            remedy=f"Install it with: pip install -c constraints.txt '.[{extra}]'",
        ) from error
