"""The segmentation's candidates: found, matched with the truth, written for the classifiers."""

from __future__ import annotations

import csv
import logging
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from monai.config import KeysCollection
from monai.transforms import MapTransform

from nodulus.bundles.common.atomic_files import atomic_write
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.metrics.detection import match_scan
from nodulus.transforms.candidates import group_candidates
from nodulus.transforms.geometry import ras_to_lps
from nodulus.transforms.ignore_label import IGNORE_LABEL

logger = logging.getLogger(__name__)

FILE_NAME = "candidates_segmentation.csv"


class FindCandidatesd(MapTransform):
    """Group a probability map of a prepared study into candidates and match them.

    Adds ``candidates_lps_mm`` (n, 3), ``candidates_probability`` (n,), ``candidates_ignored``
    (n,), ``candidates_touching`` (n,), whether a voxel of a labelled nodule is in it, and
    ``match``, a :class:`~nodulus.bundles.common.metrics.detection.ScanMatch`.

    Args:
        keys: the probability map, shape (1, X, Y, Z).
        threshold: a voxel belongs to a candidate at or above it.
        peak_threshold: a candidate's highest voxel reaches it; the threshold if None.
        min_volume_mm3: smaller candidates are dropped.
        lungs_key: candidates lie inside this mask.
        label_key: candidates where it is 255 are marked as ignored; optional in the item.
    """

    def __init__(
        self,
        keys: KeysCollection,
        threshold: float,
        peak_threshold: float | None = None,
        min_volume_mm3: float = 0.0,
        lungs_key: str = "lungs",
        label_key: str = "label",
    ) -> None:
        super().__init__(keys)
        self.threshold = threshold
        self.peak_threshold = peak_threshold
        self.min_volume_mm3 = min_volume_mm3
        self.lungs_key = lungs_key
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Find and match."""
        result = dict(data)
        for key in self.key_iterator(result):
            found = group_candidates(
                np.asarray(result[key][0].cpu(), dtype=np.float32),
                np.asarray(result["affine"], dtype=np.float64),
                threshold=self.threshold,
                peak_threshold=self.peak_threshold,
                min_volume_mm3=self.min_volume_mm3,
                region=np.asarray(result[self.lungs_key][0].cpu()) > 0,
            )
            centers = ras_to_lps(np.asarray([c.center_mm for c in found]).reshape(-1, 3))
            ignored, touching = np.zeros(len(found), bool), np.zeros(len(found), bool)
            if self.label_key in result:
                label = np.asarray(result[self.label_key][0].cpu())
                inside = [label[c.box][c.mask] for c in found]
                ignored[:] = [np.any(v == IGNORE_LABEL) for v in inside]
                touching[:] = [np.any((v > 0) & (v != IGNORE_LABEL)) for v in inside]
            result["candidates_lps_mm"] = centers
            result["candidates_probability"] = np.asarray([c.peak_probability for c in found])
            result["candidates_ignored"] = ignored
            result["candidates_touching"] = touching
            result["match"] = match_scan(
                centers,
                result["candidates_probability"],
                np.asarray(result["nodules_lps_mm"]),
                np.asarray(result["nodules_diameter_mm"]),
                ignored,
            )
        return result


class CandidateWriter:
    """Ignite handler: one ``candidates_segmentation.csv`` in each data folder when all is done.

    Candidates where nobody has labelled are left out, and those that hold voxels of a nodule with
    their centre outside its sphere: a miss by the hit rule, but no example of a non-nodule.

    Args:
        studies: the studies that the engine runs over.
    """

    def __init__(self, studies: Sequence[Study]) -> None:
        self.folders = {study.series_uid: study.folder or Path() for study in studies}
        self.rows: dict[Path, list[tuple[Any, ...]]] = {f: [] for f in self.folders.values()}

    def attach(self, engine: Engine) -> None:
        """Collect each iteration, write at the end."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def collect(self, engine: Engine) -> None:
        """Keep the candidates of the iteration's scans."""
        state: Any = engine.state  # Ignite types its batch and output as integers
        for item, output in zip(state.batch, state.output, strict=True):
            uid = str(item["series_uid"])
            for n, (x, y, z) in enumerate(output["candidates_lps_mm"]):
                truth = int(output["match"].hit[n] >= 0)
                if output["candidates_ignored"][n]:
                    continue
                if output["candidates_touching"][n] and not truth:
                    continue
                probability = output["candidates_probability"][n]
                place = (f"{x:.2f}", f"{y:.2f}", f"{z:.2f}")
                self.rows[self.folders[uid]].append((uid, *place, f"{probability:.4f}", truth))

    def write(self, engine: Engine) -> None:
        """Write each file atomically."""
        for folder, rows in self.rows.items():
            path = folder / FILE_NAME
            with atomic_write(path) as part, part.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(("seriesuid", "coordX", "coordY", "coordZ", "probability", "class"))
                writer.writerows(rows)
            logger.info("%s: %d candidates", path, len(rows))
