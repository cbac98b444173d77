from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from app.lean_monai import NOT_FOR_INFERENCE, import_monai
import_monai()
from app.chain import load_models
load_models()
print([name for name in NOT_FOR_INFERENCE if name in sys.modules])
import skimage.morphology, scipy.signal
print(skimage.morphology.disk(1).sum(), scipy.signal.hilbert([1.0, 1.0]).real.sum())
"""


def test_inference_goes_without_them_and_nothing_else_has_to() -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert told == ["[]", "5 2.0"]


def test_monai_as_it_is_stays() -> None:
    import monai

    from app.lean_monai import import_monai

    names = set(sys.modules)
    import_monai()
    assert sys.modules["monai"] is monai
    assert set(sys.modules) == names
