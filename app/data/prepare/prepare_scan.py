"""Prepares one scan: read, labelled, brought to the networks' space, written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor

from nodulus.app.data.prepare.labels import LabelMap, label_map
from nodulus.app.data.prepare.problems import Problem, ProblemKind, ScanError
from nodulus.app.data.prepare.record import CacheSettings, SourceFile, stat_files
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan, TrainingScan
from nodulus.bundles.common.atomic_files import sha256
from nodulus.bundles.common.data.cache_folder import prepared_path
from nodulus.bundles.common.data.prepared import network_space, save_prepared
from nodulus.bundles.common.data.tables import Nodule
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.patch_sampling import lps_to_voxel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedScan:
    """What became of one scan.

    Args:
        sources: the files that it was read from.
        prepared_bytes: size of the prepared file.
        prepared_sha256: its checksum.
        geometry: of the scan as it was read.
        label_source: where its label map comes from.
        nodules: those inside the volume, with their labels.
        volumes_mm3: of each nodule's label on the scan's own grid.
        problems: what was found wrong and did not keep it from being prepared.
    """

    sources: tuple[SourceFile, ...]
    prepared_bytes: int
    prepared_sha256: str
    geometry: Geometry
    label_source: LabelSource
    nodules: tuple[Nodule, ...]
    volumes_mm3: tuple[float, ...]
    problems: tuple[Problem, ...]


def prepare_one(scan: TrainingScan, settings: CacheSettings, root: Path) -> PreparedScan | Problem:
    """Prepare a scan into a cache.

    Returns:
        What was written, or why nothing could be.

    Raises:
        OSError: the cache cannot be written to.
    """
    try:
        sources = stat_files(scan.source_files)
        loaded = scan.load()
        nodules, outside = _inside(scan, loaded)
        labelled = label_map(loaded, nodules, scan.excluded, scan.series_uid)
        item = _in_network_space(loaded, labelled, settings, scan)
    except ScanError as error:
        return error.problem
    except (ValueError, OSError) as error:
        return Problem(ProblemKind.IMAGE_BROKEN, str(error), _path(scan), None, scan.series_uid)
    except Exception as error:
        # the text may quote the input
        logger.debug("series %s", scan.series_uid, exc_info=True)
        message = f"it cannot be read ({type(error).__name__})"
        return Problem(ProblemKind.IMAGE_BROKEN, message, _path(scan), None, scan.series_uid)
    path = prepared_path(root, scan.series_uid)
    save_prepared(item, path)
    counts = np.bincount(labelled.labels.ravel(), minlength=256)
    voxel = loaded.geometry.voxel_volume_mm3
    return PreparedScan(
        sources,
        path.stat().st_size,
        sha256(path),
        loaded.geometry,
        labelled.source,
        labelled.nodules,
        tuple(float(counts[n.label]) * voxel for n in labelled.nodules if n.label),
        (*loaded.problems, *outside, *labelled.problems, *_cut_off(scan, labelled, item)),
    )


def _path(scan: TrainingScan) -> Path | None:
    return scan.source_files[0] if scan.source_files else None


def _inside(scan: TrainingScan, loaded: LoadedScan) -> tuple[list[Nodule], list[Problem]]:
    """The nodules inside the volume, and the others as problems."""
    nodules = scan.nodules if loaded.nodules is None else loaded.nodules
    rows: Sequence[int | None] = [None] * len(nodules)
    if len(scan.table_rows) == len(nodules):
        rows = scan.table_rows
    kept, problems = [], []
    for nodule, row in zip(nodules, rows, strict=True):
        index = loaded.geometry.lps_to_index(nodule.center_lps_mm)
        if loaded.geometry.contains(index):
            kept.append(nodule)
            continue
        place = ", ".join(f"{v:.1f}" for v in nodule.center_lps_mm)
        message = f"the nodule at LPS ({place}) mm lies outside the volume; left out"
        kind = ProblemKind.OUTSIDE_VOLUME
        problems.append(Problem(kind, message, scan.table, row, scan.series_uid))
    return kept, problems


def _in_network_space(
    loaded: LoadedScan, labelled: LabelMap, settings: CacheSettings, scan: TrainingScan
) -> dict[str, torch.Tensor]:
    """The prepared item.

    Raises:
        ScanError: there are no lungs.
    """
    affine = torch.from_numpy(loaded.geometry.affine_ras.copy())
    hu = np.ascontiguousarray(loaded.hu)
    item = {
        "image": MetaTensor(torch.from_numpy(hu[None]), affine=affine),
        "label": MetaTensor(torch.from_numpy(labelled.labels[None]), affine=affine),
    }
    transform = network_space(settings.spacing_mm, settings.margin_mm, scan.whole)
    try:
        prepared: dict[str, torch.Tensor] = transform(item)
    except RuntimeError as error:  # as MONAI wraps the ValueError of NetworkSpaced
        if not isinstance(error.__cause__, ValueError):
            raise
        message = "no lungs found in the image"
        problem = Problem(ProblemKind.NO_LUNGS, message, None, None, scan.series_uid)
        raise ScanError(problem) from error
    return prepared


def _cut_off(
    scan: TrainingScan, labelled: LabelMap, item: dict[str, torch.Tensor]
) -> list[Problem]:
    """Nodules outside the box around the lungs."""
    shape = np.asarray(item["image"].shape[1:])
    problems = []
    for nodule in labelled.nodules:
        voxel = np.round(lps_to_voxel(nodule.center_lps_mm, np.asarray(item["affine"])))
        if np.any(voxel < 0) or np.any(voxel >= shape):
            place = ", ".join(f"{v:.1f}" for v in nodule.center_lps_mm)
            message = (
                f"the nodule at LPS ({place}) mm lies outside the box around the lungs; "
                "it is in the tables but not learnt from"
            )
            kind = ProblemKind.OUTSIDE_LUNGS
            problems.append(Problem(kind, message, None, None, scan.series_uid))
    return problems
