from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from nodulus.app.lean_monai import (NOT_FOR_INFERENCE, import_monai,)
import_monai()
from nodulus.app.chain import load_models
load_models()
print([name for name in NOT_FOR_INFERENCE if name in sys.modules])
print([name for name in ("monai.losses", "monai.handlers") if name in sys.modules])
from monai.bundle import ConfigParser
nets = [{"_target_": "DynUNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 1,
         "kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2]},
        {"_target_": "monai.losses.DiceLoss"}]
print([type(ConfigParser({"x": net}).get_parsed_content("x")).__name__ for net in nets])
import monai.engines, monai.handlers
from monai.utils.module import walk_packages
print(len(list(walk_packages(monai.__path__, "monai."))) > 100)
import skimage.morphology, scipy.signal
print(skimage.morphology.disk(1).sum(), scipy.signal.hilbert([1.0, 1.0]).real.sum())
"""


def test_inference_goes_without_the_rest_and_nothing_else_has_to() -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert told == ["[]", "[]", "['DynUNet', 'DiceLoss']", "True", "5 2.0"]


def test_monai_as_it_is_stays() -> None:
    import monai

    from nodulus.app.lean_monai import import_monai

    names = set(sys.modules)
    import_monai()
    assert sys.modules["monai"] is monai
    assert set(sys.modules) == names
