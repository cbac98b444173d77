"""MONAI without the packages and the parts of its own that inference does not use.

``import monai`` imports, and runs twice, all of MONAI's modules, and what they can work with:
Ignite, matplotlib, scikit-learn, scipy.signal and more, which takes longer than MONAI itself.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

NOT_FOR_INFERENCE = (
    "fire",
    "ignite",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "scipy.signal",
    "skimage.morphology",
    "sklearn",
    "tensorboard",
    "tensorboardX",
)
"""All of them optional for MONAI. Networks need none."""


def import_monai() -> None:
    """Import MONAI's networks and configs, as if the packages above were not installed.

    For a process of our own alone: MONAI's parts that need them stay without them until the process
    ends. Everything else may be imported afterwards, the rest of MONAI too; a config that builds
    something else than one of ``monai.networks.nets`` names it by its full path. Where MONAI is
    there already, nothing happens.
    """
    if "monai" in sys.modules:
        return
    import torch  # noqa: F401

    hidden = [name for name in NOT_FOR_INFERENCE if name not in sys.modules]
    # With None for a module Python says that it cannot be found.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    walk = pkgutil.walk_packages
    pkgutil.walk_packages = _walk_nothing  # how MONAI finds all of its modules
    try:
        import monai.utils.module

        pkgutil.walk_packages = monai.utils.module.walk_packages = walk
        import monai.bundle.config_parser
        import monai.networks.nets
    finally:
        pkgutil.walk_packages = walk
        for name in hidden:
            del sys.modules[name]


def _walk_nothing(*_: Any, **__: Any) -> Iterator[pkgutil.ModuleInfo]:
    return iter(())
