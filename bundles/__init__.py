"""The three MONAI bundles and what they share."""

from __future__ import annotations

from pathlib import Path


def bundle_root(name: str) -> str:
    """Where a bundle lies, in a checkout or in an installed copy.

    The bundles' configs ask for it, so that they run from any folder.

    Args:
        name: ``segmentation``, ``nodule`` or ``malignancy``.

    Raises:
        ValueError: there is no such bundle.
    """
    folder = Path(__file__).resolve().parent / name
    if not (folder / "configs" / "metadata.json").is_file():
        raise ValueError(f"there is no bundle {name!r} in {folder.parent}")
    return str(folder)
