"""How long one training patch takes to read: python benchmarks/patch_read.py [SCAN.mhd].

From the cache that `nodulus prepare` writes, against reading the scan's own file as a training
loop without a cache does: nibabel and SimpleITK on the compressed NIfTI, SimpleITK on the raw mhd.
A patch is 48 voxels wide, image and label from the cache, the image alone from the others, which
would still have to be resampled. Prints the median of each in milliseconds and its ratio to the
cache's, with the files in the system's page cache (warm) and dropped from it before each patch
(cold, on Linux). Without a scan, a phantom of 512 x 512 pixels is made.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
import torch

from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.prepare.luna16_image import load_luna16
from nodulus.app.data.prepare.prepare_scan import prepare_one
from nodulus.app.data.prepare.problems import Problem
from nodulus.app.data.prepare.record import CacheSettings
from nodulus.app.data.prepare.training_scan import LoadedScan, TrainingScan
from nodulus.bundles.common.data.cache_folder import prepared_path
from nodulus.bundles.common.data.prepared import load_prepared

SIZE = 48

Read = Callable[[np.ndarray], object]


def phantom(folder: Path) -> Path:
    """One synthetic scan as mhd and raw."""
    plan = DatasetPlan(folder, 3, PhantomRecipe.load(None), format=PhantomFormat.LUNA16)
    for _ in write_dataset(plan, 1):
        pass
    return next(folder.glob("luna16/subset*/*.mhd"))


def block(shape: tuple[int, ...], where: np.ndarray) -> tuple[slice, ...]:
    """A patch at a place that is given as shares of the room there is."""
    low = (where * (np.asarray(shape) - SIZE)).astype(int)
    return tuple(slice(int(a), int(a) + SIZE) for a in low)


def from_cache(path: Path) -> Read:
    """As the training does: mapped, and copied where it is used."""

    def read(where: np.ndarray) -> object:
        item = load_prepared(path)
        box = block(item["image"].shape[1:], where)
        return [item[key][(slice(None), *box)].clone() for key in ("image", "label")]

    return read


def with_nibabel(path: Path) -> Read:
    """Its proxy reads the compressed file up to the last voxel that is asked for."""

    def read(where: np.ndarray) -> object:
        image = nibabel.load(path)
        return np.asarray(image.dataobj[block(image.shape, where)])

    return read


def with_simpleitk(path: Path) -> Read:
    """Asks for the patch alone; a compressed file is read whole all the same."""

    def read(where: np.ndarray) -> object:
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        box = block(reader.GetSize(), where)
        reader.SetExtractIndex([s.start for s in box])
        reader.SetExtractSize([SIZE] * 3)
        return SimpleITK.GetArrayFromImage(reader.Execute())

    return read


def drop(paths: list[Path]) -> None:
    """Take files out of the page cache."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def median_ms(read: Read, files: list[Path], places: np.ndarray, cold: bool) -> float:
    """Of reading one patch at each place."""
    if not cold:
        read(places[0])
    seconds = []
    for where in places:
        if cold:
            drop(files)
        start = time.perf_counter()
        read(where)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", nargs="?", type=Path, help="an mhd file")
    parser.add_argument("--patches", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mhd = options.scan or phantom(folder)
        raw = mhd.with_suffix(".raw")
        nii = folder / "scan.nii.gz"
        image = SimpleITK.ReadImage(str(mhd))
        SimpleITK.WriteImage(image, str(nii))
        scan = TrainingScan(mhd.stem, mhd.stem, lambda: _load(mhd), (mhd, raw))
        start = time.perf_counter()
        result = prepare_one(scan, CacheSettings(), folder / "cache")
        if isinstance(result, Problem):
            raise SystemExit(str(result))
        cache = prepared_path(folder / "cache", mhd.stem)
        print(f"scan {' x '.join(map(str, image.GetSize()))} voxels; prepared once in "
              f"{time.perf_counter() - start:.1f} s")  # fmt: skip
        for what, path in (("cache", cache), ("raw", raw), ("nii.gz", nii)):
            print(f"  {what}: {path.stat().st_size / 2**20:.0f} MiB")
        readers = {
            "the cache, image and label": (from_cache(cache), [cache]),
            "SimpleITK, raw mhd": (with_simpleitk(mhd), [raw]),
            "SimpleITK, nii.gz": (with_simpleitk(nii), [nii]),
            "nibabel, nii.gz": (with_nibabel(nii), [nii]),
        }
        places = np.random.default_rng(0).random((options.patches, 3))
        for cold in (False, True) if hasattr(os, "posix_fadvise") else (False,):
            print(f"{'cold' if cold else 'warm'}, median of {options.patches} patches")
            base = 0.0
            for label, (read, files) in readers.items():
                median = median_ms(read, files, places, cold)
                base = base or median
                print(f"  {label:<28} {median:9.2f} ms  {median / base:8.1f} x")


def _load(mhd: Path) -> LoadedScan:
    return load_luna16(mhd, mhd.stem, (), None, (), 0.5)


if __name__ == "__main__":
    main()
