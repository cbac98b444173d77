"""By what a kept result is known to be still that of these networks, settings and code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.reading import StudyInput

_ROOT = Path(__file__).resolve().parents[3]
_CODE = (
    "app/chain",
    "app/reading",
    "app/data/masks",
    "app/evaluation/scans/lesion_masks.py",
    "app/evaluation/scans/lesion_outlines.py",
    "transforms",
)


@cache
def code_checksum() -> str:
    """Of the source of what makes a result."""
    digest = hashlib.sha256()
    for part in _CODE:
        place = _ROOT / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(
    study: StudyInput, models: Models, settings: ChainSettings, masks: Sequence[Path]
) -> str:
    """A checksum of all that one scan's result depends on.

    Files go by name, size and time of change.

    Args:
        study: the scan.
        models: the three networks.
        settings: pipeline settings and operating points.
        masks: of its lesions.
    """
    parts = {
        "code": code_checksum(),
        "models": [m.model_dump() for m in models.info()],
        "settings": settings.model_dump(mode="json"),
        "files": [_state(path) for path in (*_images(study), *masks)],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _images(study: StudyInput) -> list[Path]:
    chosen = study.chosen
    if chosen is None:
        return []
    return [chosen] if isinstance(chosen, Path) else [s.path for s in chosen.slices]


def _state(path: Path) -> tuple[str, int, int]:
    state = path.stat()
    return path.name, state.st_size, state.st_mtime_ns
