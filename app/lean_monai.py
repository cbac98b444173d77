"""MONAI without the packages that inference does not use.

``import monai`` imports all of MONAI and of what it can work with: Ignite, matplotlib,
scikit-learn, scipy.signal and more, which takes longer than MONAI itself.
"""

from __future__ import annotations

import sys

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
    """Import MONAI as if the packages above were not installed.

    For a process of our own alone: MONAI's parts that need them stay without them until the process
    ends. Everything else may import them afterwards. Where MONAI is there already, nothing happens.
    """
    if "monai" in sys.modules:
        return
    import torch  # noqa: F401

    hidden = [name for name in NOT_FOR_INFERENCE if name not in sys.modules]
    # With None for a module Python says that it cannot be found.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import monai  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
