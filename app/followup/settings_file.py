"""Reads settings of one's own, and says what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nodulus.app.errors import ErrorCode, NodulusError

Settings = TypeVar("Settings", bound=BaseModel)


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read a JSON file.

    Args:
        path: of the file.
        model: what it must hold.

    Raises:
        NodulusError: ``settings-invalid``, naming the file and the keys.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        if isinstance(error, ValidationError):
            wrong = [
                f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
                for one in error.errors()
            ]
            reason = "; ".join(wrong)
        else:
            reason = error.strerror or type(error).__name__
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"It cannot be used: {reason}.",
            remedy="Correct the named keys, or leave the file out to use the shipped one.",
            subject=path,
        ) from error
