"""Candidates of the segmentation as training data of the classifiers."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from ignite.engine import Engine

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.segmentation_candidates import (
    FILE_NAME,
    CandidateWriter,
    FindCandidatesd,
)
from nodulus.transforms.ignore_label import IGNORE_LABEL

SIZE = 40


def item() -> dict[str, Any]:
    """One nodule of 6 mm at (10, 10, 10), found; a false alarm; one in the unlabelled zone; one
    that touches the rim of the label of a second nodule and lies with its centre outside it."""
    label = np.zeros((1, SIZE, SIZE, SIZE), np.uint8)
    label[0, 8:13, 8:13, 8:13] = 1
    label[0, 30:33, 8:11, 8:11] = 2
    label[0, :, :, 30:] = IGNORE_LABEL
    probability = torch.zeros(1, SIZE, SIZE, SIZE)
    probability[0, 9:12, 9:12, 9:12] = 0.9
    probability[0, 20:23, 25:28, 20:23] = 0.8
    probability[0, 20:23, 25:28, 33:36] = 0.7
    probability[0, 32:39, 8:11, 8:11] = 0.6
    return {
        "pred": probability,
        "label": torch.from_numpy(label),
        "lungs": torch.ones(1, SIZE, SIZE, SIZE),
        "affine": np.diag([-1.0, -1.0, 1.0, 1.0]),  # index equals LPS mm
        "nodules_lps_mm": np.array([[10.0, 10.0, 10.0], [31.0, 9.0, 9.0]]),
        "nodules_diameter_mm": np.array([6.0, 4.0]),
        "series_uid": "1.2",
    }


def test_candidates_are_matched_and_the_doubtful_ones_marked() -> None:
    found = FindCandidatesd("pred", threshold=0.3)(item())
    by_score = np.argsort(-found["candidates_probability"])
    assert found["candidates_lps_mm"][by_score[0]].tolist() == [10.0, 10.0, 10.0]
    assert found["match"].hit[by_score].tolist() == [0, -1, -1, -1]
    assert found["candidates_ignored"][by_score].tolist() == [False, False, True, False]
    assert found["candidates_touching"][by_score].tolist() == [True, False, False, True]


def test_only_what_is_certain_is_written(tmp_path: Path) -> None:
    data = item()
    writer = CandidateWriter([Study("1.2", "p", Path("x.mhd"), None, folder=tmp_path)])
    state = SimpleNamespace(batch=[data], output=[FindCandidatesd("pred", threshold=0.3)(data)])
    engine = cast(Engine, SimpleNamespace(state=state))
    writer.collect(engine)
    writer.write(engine)
    with (tmp_path / FILE_NAME).open() as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["class"], row["probability"]) for row in rows) == [
        ("0", "0.8000"),
        ("1", "0.9000"),
    ]
