"""Findings as COCO annotations, slice by slice.

The form of Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014 (cocodataset.org,
'Data format'): an image for each slice that has a finding, an annotation for each finding on it.
Masks are uncompressed run lengths, column by column, as ``pycocotools`` reads them. What COCO has
no field for (3D, probabilities) stands in fields of its own, which readers pass over.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.exports.study import ResultToExport
from nodulus.app.results.label_boxes import boxes_by_label

COCO_FILE = "nodules.coco.json"
_CATEGORY = {"id": 1, "name": "nodule", "supercategory": "lung"}


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give the annotations.

    Args:
        study: its masks are on the grid of the volume that was analysed.

    Raises:
        NodulusError: the result has findings and no masks.
    """
    series, (_, rows, columns) = study.result.series_uid, study.geometry.shape_irc
    annotations: list[dict[str, Any]] = []
    boxes = boxes_by_label(study.labels)
    for finding in study.result.findings:
        if finding.id not in boxes:
            continue
        for slice_index in range(boxes[finding.id][0].start, boxes[finding.id][0].stop):
            mask = study.labels[slice_index] == finding.id
            if not mask.any():
                continue
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": slice_index + 1,
                    "category_id": _CATEGORY["id"],
                    "bbox": _box(mask),
                    "area": int(mask.sum()),
                    "iscrowd": 1,  # by COCO's rules a mask as run lengths has 1
                    "segmentation": {"counts": run_lengths(mask), "size": [rows, columns]},
                    "score": finding.nodule_probability,
                    "finding_id": finding.id,
                    "malignancy_probability": finding.malignancy_probability,
                }
            )
    images = [
        {
            "id": number,
            "file_name": f"{series}/{number - 1}",
            "width": columns,
            "height": rows,
            "slice_index": number - 1,
        }
        for number in sorted({int(a["image_id"]) for a in annotations})
    ]
    content = {
        "info": {"description": study.result.disclaimer, "version": study.result.nodulus_version},
        "images": images,
        "annotations": annotations,
        "categories": [_CATEGORY],
        "series_uid": series,
        "affine_lps": study.geometry.affine_lps.tolist(),
    }
    return {COCO_FILE: (json.dumps(content) + "\n").encode()}


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Give COCO's uncompressed run lengths of a mask, shape (R, C): column by column, 0 first."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(ends).tolist()
    return [0, *counts] if flat[0] else counts


def _box(mask: NDArray[np.bool_]) -> list[int]:
    """Left, top, width, height in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
