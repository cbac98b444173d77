"""Each study brought once to the networks' space and kept on disk.

The cache is MONAI's ``PersistentDataset``; what is added is that a hit is mapped into memory
instead of read, so that a patch costs the pages it lies in and not the whole study, and that
studies of a training cache (see :mod:`nodulus.bundles.common.data.cache_folder`), prepared
before, are taken as they are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    MapTransform,
)
from torch.utils.data import DataLoader, Dataset

from nodulus.bundles.common.atomic_files import atomic_write
from nodulus.bundles.common.data.reader import SimpleITKReader
from nodulus.bundles.common.data.studies import Study
from nodulus.transforms.lung_margin import LUNG_MARGIN_MM
from nodulus.transforms.network_space import NetworkSpaced
from nodulus.transforms.patch_sampling import sample_points

logger = logging.getLogger(__name__)

CACHE_VERSION = 5
"""Of what a prepared item holds. It rises with every change of the lungs' region, which decides
where items are cropped, and of the networks' grid; a test holds an item against this number."""

CACHE_KEYS = ("image", "label", "stamp")
PREPARED_KEYS = ("image", "label", "lungs", "affine", "inside", "bright")
SAVED_HU = (-1024, 3071)
"""The range of CT numbers of 12 bits; beyond it lie padding and metal."""


class IndexPointsd(MapTransform):
    """Add what the patch sampler needs: the affine and points inside and bright in the lungs.

    Args:
        keys: the HU image.
        lungs_key: the lung mask.
        bright_hu: voxels above it are bright: vessels, walls, nodules.
        points: at most so many of each are kept.
    """

    def __init__(
        self, keys: str, lungs_key: str = "lungs", bright_hu: float = -500.0, points: int = 20_000
    ) -> None:
        super().__init__(keys)
        self.lungs_key = lungs_key
        self.bright_hu = bright_hu
        self.points = points

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Sample the points; the same image gives the same points."""
        result = dict(data)
        lungs = np.asarray(result[self.lungs_key][0]) > 0
        for key in self.key_iterator(result):
            rng = np.random.default_rng(0)
            result["affine"] = torch.as_tensor(np.asarray(result[key].affine, dtype=np.float64))
            saved = np.rint(np.asarray(result[key][0]))  # see save_prepared
            bright = lungs & (saved > self.bright_hu)
            result["inside"] = torch.from_numpy(sample_points(lungs, self.points, rng))
            result["bright"] = torch.from_numpy(sample_points(bright, self.points, rng))
        return result


def network_space(
    spacing_mm: float = 1.0, margin_mm: float = LUNG_MARGIN_MM, whole: bool = True
) -> Compose:
    """The transforms from a scan in memory to the item that is saved.

    Takes ``image`` in HU and, where there is one, ``label``: MetaTensors of shape (1, X, Y, Z),
    axes in any order.

    Args:
        spacing_mm: isotropic spacing.
        margin_mm: kept around the lungs.
        whole: whether the scan shows whole lungs, which are looked for; else all of it is taken
            for lung.

    Returns:
        A Compose that adds ``image`` float32 HU, just as inference computes it, ``label`` where
        the item has one and ``lungs`` uint8, each (1, X, Y, Z) in RAS order and cropped to the
        lungs, ``affine`` (4, 4) to RAS mm, and the points ``inside`` and ``bright``, (N, 3) int32
        voxel indices.
    """
    spaced = NetworkSpaced("image", spacing_mm=spacing_mm, margin_mm=margin_mm, whole=whole)
    return Compose([spaced, IndexPointsd("image")])


def preparation(spacing_mm: float = 1.0, margin_mm: float = LUNG_MARGIN_MM) -> Compose:
    """The transforms from files to the item that is saved (see :func:`network_space`)."""
    both = ("image", "label")
    load = LoadImaged(
        both, reader=SimpleITKReader, dtype=None, image_only=True, allow_missing_keys=True
    )
    first = EnsureChannelFirstd(both, channel_dim="no_channel", allow_missing_keys=True)
    return Compose([load, first, *network_space(spacing_mm, margin_mm).transforms])


def save_prepared(item: Mapping[str, Any], path: Path) -> None:
    """Write a prepared item atomically: ``image`` as int16, rounded, ``label`` as uint8.

    Rounding moves HU by less than half of one, far below the noise of a scan, and halves the
    cache and what a patch costs to read.
    """
    kept = {key: item[key] for key in PREPARED_KEYS if key in item}
    kept["image"] = kept["image"].round().clamp(*SAVED_HU).to(torch.int16)
    if "label" in kept:
        kept["label"] = kept["label"].to(torch.uint8)
    with atomic_write(path) as part, part.open("wb") as file:  # torch would write a name inside
        torch.save({key: _bare(value) for key, value in kept.items()}, file)


def _bare(value: torch.Tensor) -> torch.Tensor:
    """Without metadata, in memory of its own: a view would be saved with all that it views."""
    tensor = value.as_tensor() if isinstance(value, MetaTensor) else value
    return tensor.contiguous().clone()


def load_prepared(path: Path) -> dict[str, Any]:
    """Map a prepared item into memory: only what is used of it is read."""
    item: dict[str, Any] = torch.load(path, mmap=True, weights_only=True)
    return item


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def study_item(study: Study, spacing_mm: float, margin_mm: float) -> dict[str, Any]:
    """The dictionary that names a study to the cache.

    Raises:
        ValueError: the study was prepared in another way, or has no image; names the series.
    """
    nodules = [nodule.center_lps_mm for nodule in study.nodules]
    item: dict[str, Any] = {
        "series_uid": study.series_uid,
        "nodules_lps_mm": np.asarray(nodules, dtype=np.float64).reshape(-1, 3),
        "nodules_diameter_mm": np.asarray([n.diameter_mm for n in study.nodules], np.float64),
    }
    if study.prepared is not None:
        have = (study.prepared.version, study.prepared.spacing_mm, study.prepared.margin_mm)
        wanted = (CACHE_VERSION, spacing_mm, margin_mm)
        if have != wanted:
            raise ValueError(
                f"{study.prepared.path}: prepared with (version, spacing mm, margin mm) {have}, "
                f"wanted is {wanted}; run `nodulus prepare` again"
            )
        return item | {"prepared": str(study.prepared.path)}
    if study.image is None:
        raise ValueError(f"series {study.series_uid} has no image")
    stamp: list[Any] = [CACHE_VERSION, spacing_mm, margin_mm, *_stamp(study.image)]
    item["image"] = str(study.image)
    if study.mask is not None:
        item["label"] = str(study.mask)
        stamp += _stamp(study.mask)
    return item | {"stamp": stamp}


def _hash_study(item: Mapping[str, Any]) -> bytes:
    return bytes(pickle_hashing({key: item.get(key) for key in CACHE_KEYS}))


class PreparedStudies(PersistentDataset):
    """Prepared studies, one dictionary each (see :func:`network_space`), mapped from disk.

    Args:
        studies: what to prepare; those of a training cache are prepared already.
        cache_dir: folder of the cache of the others; shared by the three bundles.
        spacing_mm: isotropic spacing.
        margin_mm: kept around the lungs.
        require_label: refuse studies without a mask.

    Raises:
        ValueError: a mask is missing although it is required, or a study of a training cache
            was prepared with another spacing or margin.
    """

    def __init__(
        self,
        studies: Sequence[Study],
        cache_dir: Path | str,
        spacing_mm: float = 1.0,
        margin_mm: float = LUNG_MARGIN_MM,
        require_label: bool = False,
    ) -> None:
        bare = [study.series_uid for study in studies if not study.has_label]
        if require_label and bare:
            raise ValueError(f"{len(bare)} studies have no mask, among them series {bare[0]}")
        self.studies = tuple(studies)
        super().__init__(
            [study_item(study, spacing_mm, margin_mm) for study in studies],
            preparation(spacing_mm, margin_mm),
            cache_dir=cache_dir,
            hash_func=_hash_study,
        )

    def cache_file(self, index: int) -> Path:
        """The file that holds the prepared study."""
        return self._file(self.data[index])

    def _file(self, item: Mapping[str, Any]) -> Path:
        if "prepared" in item:
            return Path(item["prepared"])
        assert self.cache_dir is not None
        return Path(self.cache_dir) / f"{_hash_study(item).decode()}.pt"

    def _cachecheck(self, item_transformed: Mapping[str, Any]) -> dict[str, Any]:
        path = self._file(item_transformed)
        if not path.exists():
            if "prepared" in item_transformed:
                raise FileNotFoundError(f"{path}: no such file; run `nodulus prepare` again")
            prepared = self._pre_transform(dict(item_transformed))  # type: ignore[no-untyped-call]
            save_prepared(prepared, path)
        fresh = {k: v for k, v in item_transformed.items() if k not in (*CACHE_KEYS, "prepared")}
        return {**load_prepared(path), **fresh}

    def prepare(
        self, workers: int = 1, report: Callable[[str], None] = logger.info
    ) -> PreparedStudies:
        """Prepare what is not yet in the cache, reporting progress; returns itself.

        Args:
            workers: processes; 1 does it in this one.
            report: takes the lines.
        """
        missing = [i for i in range(len(self)) if not self.cache_file(i).exists()]
        start = time.monotonic()
        touch = _Touch(self, missing)
        # its own generator: what is random afterwards must not depend on what was in the cache
        own, processes = torch.Generator(), 0 if workers < 2 else workers
        for done, _ in enumerate(DataLoader(touch, None, num_workers=processes, generator=own), 1):
            if done % 10 == 0 or done == len(missing):
                report(f"prepared {done}/{len(missing)} studies, {time.monotonic() - start:.0f} s")
        return self


class _Touch(Dataset[int]):
    """Prepares a study when its item is asked for."""

    def __init__(self, prepared: PreparedStudies, indices: Sequence[int]) -> None:
        self.prepared = prepared
        self.indices = list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> int:
        self.prepared[self.indices[index]]
        return index
