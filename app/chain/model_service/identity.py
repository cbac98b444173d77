"""Which network a server must have: that of a bundle's weights and config, no other."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nodulus.bundles.common.atomic_files import sha256

_HEX_DIGITS = 15
"""Of a version: as many as a signed integer of 64 bits has room for."""


def network_version(bundle: Path) -> str:
    """Give the version under which a server has a network.

    It follows from the weights and ``inference.json``, so that a server with others does not have
    it, and one server may have several. It is a positive whole number, as Triton asks.

    Args:
        bundle: the bundle's root.

    Raises:
        FileNotFoundError: a file of the bundle is missing.
    """
    files = (bundle / "models" / "model.pt", bundle / "configs" / "inference.json")
    digest = hashlib.sha256("".join(sha256(file) for file in files).encode()).hexdigest()
    return str(int(digest[:_HEX_DIGITS], 16) or 1)
