"""Commands of the documentation, run as they are written, on little data.

Each entry of ``RUNS`` is a command that a page has, word for word. It runs in a folder that looks
like a checkout and holds small data under the names that the pages use (``DICOM_FOLDER``, ``DIR``,
``IMAGES``). ``more`` makes it small; ``gives`` is what it must have written.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from nodulus.bundles import config_files
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import make_volume
from tests.bundles.fake_data import write_fake_data
from tests.docs.shell_blocks import REPOSITORY, blocks, commands

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Run:
    """A command of a page.

    Args:
        text: the command.
        gives: a pattern of files, one of which it must have written; None for none.
        more: options that make it small, later ones hold.
    """

    text: str
    gives: str | None
    more: str = ""


FEW_STEPS = (
    "--steps 2 --validate_every 2 --batch_size 2 --workers 0 --pictures 0 --runs_dir '$None'"
)


def documented(name: str, config: str, root: str = "bundles") -> str:
    """A config's list of files as the pages write it."""
    paths = [Path(path).relative_to(REPOSITORY / "bundles") for path in config_files(name, config)]
    return '"[' + ",".join(f"'{root}/{path.as_posix()}'" for path in paths) + ']"'


RUNS = [
    Run("nodulus detect DICOM_FOLDER -o OUT", "OUT/*/findings.json"),
    Run(
        "nodulus phantom --studies 20 --seed 1 -o data/phantom",
        "data/phantom/luna16/**/*.mhd",
        "--studies 1",
    ),
    Run(
        "nodulus phantom --background CT_FOLDER --studies 10 -o data/inserted",
        "data/inserted/luna16/**/*.mhd",
        "--studies 1",
    ),
    Run("nodulus package -o map", "map/models/*/model.ts"),
    Run(
        f"python -m monai.bundle run --config_file {documented('segmentation', 'train')}"
        " --data_dirs \"['DIR']\" --output_dir runs/segmentation",
        "runs/segmentation/final.pt",
        f"{FEW_STEPS} --patch_size 32",
    ),
    Run(
        "python -m monai.bundle run --config_file "
        f"{documented('segmentation', 'train', '$BUNDLES')}"
        " --data_dirs \"['DIR']\"",
        "runs/wheel/final.pt",
        f"{FEW_STEPS} --patch_size 32 --output_dir runs/wheel",
    ),
    Run(
        f"python -m monai.bundle run --config_file {documented('segmentation', 'candidates')}"
        " --data_dirs \"['DIR']\"",
        "DIR/candidates_segmentation.csv",
    ),
    Run(
        f"python -m monai.bundle run --config_file {documented('nodule', 'train')}"
        " --data_dirs \"['DIR']\" --output_dir runs/nodule",
        "runs/nodule/final.pt",
        f"{FEW_STEPS} --crop_size 32",
    ),
    Run(
        f"python -m monai.bundle run --config_file {documented('malignancy', 'evaluate')}"
        " --data_dirs \"['DIR']\"",
        "runs/malignancy/evaluation/metrics.csv",
        "--validation_fraction 0.5",
    ),
    Run(
        "python -m monai.bundle run --config_file bundles/segmentation/configs/inference.json"
        " --dataset_dir IMAGES --output_dir OUT",
        "OUT/*_mask.nii.gz",
    ),
    Run(
        "python -m monai.bundle verify_metadata --meta_file"
        " bundles/nodule/configs/metadata.json --filepath bundles/common/metadata.schema.json",
        None,
    ),
    Run(
        "python -m monai.bundle onnx_export --args_file bundles/common/configs/onnx.json"
        ' --net_id network_def --input_shape "[1,1,48,48,48]"'
        " --ckpt_file bundles/nodule/models/model.pt"
        " --config_file bundles/nodule/configs/inference.json"
        " --meta_file bundles/nodule/configs/metadata.json --filepath nodule.onnx",
        "nodule.onnx",
    ),
]
DOCUMENTED = {c.words for b in blocks() if b.language == "bash" for c in commands(b)}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "bundles").symlink_to(REPOSITORY / "bundles")
    volume = make_volume()
    first = volume.geometry.affine_lps[:3, 3]
    write_series(
        folder / "DICOM_FOLDER", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first
    )
    (folder / "CT_FOLDER").symlink_to(folder / "DICOM_FOLDER")
    write_fake_data(folder / "DIR", 3)
    (folder / "IMAGES").mkdir()
    for path in (folder / "DIR" / "luna16" / "subset0").iterdir():
        shutil.copy(path, folder / "IMAGES")
    return folder


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.text[:60])
def test_a_documented_command_does_what_it_says(run: Run, checkout: Path) -> None:
    words = shlex.split(run.text)
    assert tuple(words) in DOCUMENTED, "no page has this command any more"
    words = [w.replace("$BUNDLES", str(REPOSITORY / "bundles")) for w in words]
    if words[0] == "nodulus":
        words[:1] = ["python", "-m", "nodulus"]
    done = subprocess.run(
        [sys.executable, *words[1:], *shlex.split(run.more)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert run.gives is None or list(checkout.glob(run.gives))
