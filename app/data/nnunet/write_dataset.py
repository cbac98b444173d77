"""Writes training caches as a data folder of nnU-Net v2 (``Dataset###_Name``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodulus.app.data.nnunet.dataset_json import (
    BACKGROUND,
    DATASET_FILE,
    IGNORE,
    IMAGES,
    LABELS,
)
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.results.nifti import encode_nifti
from nodulus.bundles.common.atomic_files import atomic_write, write_text
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.splits import Side, Split
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL

SPLITS_FILE = "splits_final.json"
_TEST_IMAGES, _TEST_LABELS = "imagesTs", "labelsTs"
_ENDING = ".nii.gz"
_NODULE, _IGNORED = 1, 2


@dataclass(frozen=True)
class NnunetCounts:
    """What was written.

    Args:
        training: cases that train.
        validation: cases that validate.
        test: cases that are kept for test.
        left_out: scans whose nodules are not all marked, which nnU-Net cannot be told.
    """

    training: int
    validation: int
    test: int
    left_out: int


def write_nnunet(split: Split, folder: Path, report: Progress | None = None) -> NnunetCounts:
    """Write the prepared scans and labels of a split.

    ``imagesTr`` and ``labelsTr`` hold training and validation, ``splits_final.json`` says which is
    which; test patients are in ``imagesTs`` and ``labelsTs``. Voxels are those of the cache: 1 mm,
    in HU, the box around the lungs. Labels are 1 (nodule) and 2 (nobody has labelled it).

    Args:
        split: of training caches.
        folder: ``Dataset###_Name``; files that are there already are written again.
        report: called with (scans done, scans in all).

    Raises:
        NodulusError: a study is in no training cache, or the training side is empty.
        OSError: the folder cannot be written to.
    """
    sides = {
        side: [study for study in studies if not study.is_partly_marked]
        for side, studies in split.sides().items()
    }
    everything = [study for studies in split.sides().values() for study in studies]
    if not sides[Side.TRAINING]:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "No scan of the training side is completely marked.",
            remedy="Prepare scans of which every nodule is marked.",
        )
    done, todo = 0, sum(map(len, sides.values()))
    for side, studies in sides.items():
        is_test = side is Side.TEST
        places = (_TEST_IMAGES, _TEST_LABELS) if is_test else (IMAGES, LABELS)
        for study in studies:
            _write_case(study, folder / places[0], folder / places[1])
            done += 1
            if report is not None:
                report(done, todo)
    train, validate = (_cases(sides[side]) for side in (Side.TRAINING, Side.VALIDATION))
    fold = {"train": train, "val": validate}
    write_text(folder / SPLITS_FILE, json.dumps([fold], indent=1) + "\n")
    described = {
        "channel_names": {"0": "CT"},
        "labels": {BACKGROUND: 0, "nodule": _NODULE, IGNORE: _IGNORED},
        "numTraining": len(train) + len(validate),
        "file_ending": _ENDING,
    }
    write_text(folder / DATASET_FILE, json.dumps(described, indent=1) + "\n")
    return NnunetCounts(len(train), len(validate), len(sides[Side.TEST]), len(everything) - todo)


def _cases(studies: Sequence[Study]) -> list[str]:
    return sorted(study.series_uid for study in studies)


def _write_case(study: Study, images: Path, labels: Path) -> None:
    if study.prepared is None:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            "It is no training cache.",
            remedy="Run `nodulus prepare` on it first.",
            subject=study.folder,
        )
    item = load_prepared(study.prepared.path)
    # A cache's axes are x, y, z of RAS; a geometry's are slices, rows, columns.
    affine = np.asarray(item["affine"], dtype=np.float64)[:, [2, 1, 0, 3]]
    hu = np.asarray(item["image"][0]).transpose(2, 1, 0)
    slices, rows, columns = hu.shape
    geometry = Geometry((slices, rows, columns), LPS_TO_RAS @ affine)
    drawn = np.asarray(item["label"][0]).transpose(2, 1, 0)
    kinds = np.where(drawn == IGNORE_LABEL, _IGNORED, np.where(drawn > 0, _NODULE, 0))
    for path, values in (
        (images / f"{study.series_uid}_0000{_ENDING}", hu),
        (labels / f"{study.series_uid}{_ENDING}", kinds.astype(np.uint8)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(encode_nifti(values, geometry))
