"""Nodulus, SimpleITK's series reader and the MONAI Deploy App SDK's loader side by side.

    python benchmarks/readers.py --sdk .venv-deploy/bin/python

writes the variants that are known to trip readers from the synthetic chest of the tests, has each
reader read each of them in a process of its own, and prints a table. Nothing
is compared with Nodulus: shape, spacing and values stand as each reader gave them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PITFALLS = {
    "explicit-little-endian": "the plain series",
    "slice-missing": "one slice missing",
    "uneven-slices": "uneven slices",
    "slices-doubled": "five doubled slices",
    "slices-doubled-nearly": "two slices 0.001 mm apart, at five places",
    "tilted-gantry": "gantry tilted by 15 degrees",
    "lowest-slice-positive": "lowest slice without a value below 0 HU",
    "slope-fractional-later": "slope 1 below, 1.25 above",
    "pixel-padding": "padding of -2000",
    "localizer-in-the-series": "localizer in the series",
    "two-series-interleaved": "two series in one folder",
    "enhanced-ct": "Enhanced CT",
    "file-cut-in-its-pixels": "one file cut off",
    "pixel-data-too-short": "pixel data shorter than said",
}
Seen = dict[str, Any]


def described(hu: Any, affine: Any, said: str) -> Seen:
    """What a reader gave.

    Args:
        hu: voxels, slices first.
        affine: shape (4, 4), from (slice, row, column) to mm; None where there is none.
        said: warnings, empty if none.
    """
    seen: Seen = {"shape": list(hu.shape), "hu": [float(hu.min()), float(hu.max())], "said": said}
    seen["sum"] = float(np.asarray(hu, dtype=np.float64).mean())
    seen["whole"] = bool(np.array_equal(np.rint(hu), hu))
    if affine is not None:
        axes = np.asarray(affine, dtype=float)[:3, :3]
        spacing = np.linalg.norm(axes, axis=0)
        seen["spacing"] = [round(float(mm), 3) for mm in spacing]
        step, row, column = (axes / spacing).T
        upright = min(1.0, abs(float(step @ np.cross(row, column))))
        seen["shear"] = round(float(np.degrees(np.arccos(upright))), 1)
    return seen


def read_nodulus(folder: Path) -> Seen:
    """By nodulus.app.reading."""
    from nodulus.app.reading import find_studies

    found = find_studies(folder)
    volume = found.studies[0].load()
    said = [problem.code.value for problem in found.problems]
    said += [warning.code for warning in volume.warnings]
    return described(volume.hu, volume.geometry.affine_lps, ", ".join(sorted(set(said))))


def read_simpleitk(folder: Path) -> Seen:
    """By ImageSeriesReader, as SimpleITK's documentation has it."""
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    hu = SimpleITK.GetArrayFromImage(image)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, -1)[:, :3]
    affine[:3, :3] = (direction * np.array(image.GetSpacing())[:3])[:, ::-1]
    return described(hu.reshape(-1, *hu.shape[-2:]), affine, "")


def read_sdk(folder: Path) -> Seen:
    """By the SDK's loader, selector without rules and volume operator."""
    from monai.deploy.core import Fragment
    from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
    from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator
    from monai.deploy.operators.dicom_series_to_volume_operator import DICOMSeriesToVolumeOperator

    fragment = Fragment()
    loader = DICOMDataLoaderOperator(fragment, name="load", input_folder=folder)
    selector = DICOMSeriesSelectorOperator(fragment, name="select")
    converter = DICOMSeriesToVolumeOperator(fragment, name="convert", affine_lps_to_ras=False)
    studies = loader.load_data_to_studies(folder)
    image = converter.convert_to_image(selector.filter(None, studies))
    affine = image.metadata().get("affine")
    # The SDK's affine is from (column, row, slice).
    turned = None if affine is None else np.asarray(affine)[:, [2, 1, 0, 3]]
    return described(np.asarray(image.asnumpy()), turned, "")


READERS = {"nodulus": read_nodulus, "simpleitk": read_simpleitk, "sdk": read_sdk}


def make(folder: Path) -> None:
    """Write every pitfall into a folder of its own."""
    from tests.input_matrix import VARIANTS
    from tests.input_matrix.phantom import write_phantom
    from tests.input_matrix.source import set_hounsfield, write

    (folder / "plain").mkdir()
    source = write_phantom(folder / "plain")
    for name in PITFALLS:
        place = folder / name
        place.mkdir()
        if name == "lowest-slice-positive":
            images = source.copies()
            set_hounsfield(images[0], np.maximum(source.hu[0], 10), signed=True, intercept=0.0)
            for image, hu in zip(images[1:], source.hu[1:], strict=True):
                set_hounsfield(image, hu, signed=True, intercept=0.0)
            write(images, place)
        else:
            VARIANTS[name](source, place)


def ask(python: str, reader: str, folder: Path) -> Seen:
    """Have a reader read a folder in a process of its own."""
    done = subprocess.run(
        [python, "-W", "ignore", __file__, "--read", reader, "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if lines:
        seen: Seen = json.loads(lines[-1])
        return seen
    why = (done.stderr.strip().splitlines() or ["no output"])[-1]
    return {"error": why[:160]}


def cell(seen: Seen) -> str:
    """What the table says of one reading."""
    if "error" in seen:
        return f"fails: {seen['error']}"
    shape = " x ".join(map(str, seen["shape"]))
    spacing = " x ".join(f"{mm:g}" for mm in seen["spacing"]) if "spacing" in seen else "no affine"
    text = f"{shape}; {spacing}; {seen['hu'][0]:g} to {seen['hu'][1]:g}"
    text += f", mean {seen['sum']:.1f}" + ("" if seen["whole"] else ", fractions")
    if seen.get("shear", 0) > 0.1:
        text += f"; sheared by {seen['shear']:g} degrees"
    return text + (f"; `{seen['said'].replace(', ', '`, `')}`" if seen["said"] else "")


def main() -> None:
    """Print the table, or read one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdk", default=".venv-deploy/bin/python", help="Python with the SDK")
    parser.add_argument("--read", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read:
        print(json.dumps(READERS[chosen.read](chosen.folder)))
        return
    pythons = {"nodulus": sys.executable, "simpleitk": sys.executable, "sdk": chosen.sdk}
    with tempfile.TemporaryDirectory() as work:
        make(Path(work))
        print("| input | Nodulus | SimpleITK | MONAI Deploy App SDK |\n|---|---|---|---|")
        for name, what in PITFALLS.items():
            cells = [cell(ask(pythons[reader], reader, Path(work) / name)) for reader in READERS]
            print(f"| {what} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
