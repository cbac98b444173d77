"""Occlusion sensitivity: which parts of a crop a classifier's answer rests on.

A cube is covered with the density of healthy lung, and the fall of the probability is noted; the
cube then moves on by half its edge (Zeiler and Fergus, Visualizing and Understanding Convolutional
Networks, ECCV 2014). It asks nothing of the network but an answer, so that it serves any.

MONAI's OcclusionSensitivity does the same with covers that are air, or the mean of what they cover,
or have sharp edges; these here are lung with soft edges, which is what a crop without the place
would look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.findings import Labels
from nodulus.app.chain.models import Models
from nodulus.app.chain.protocols import Classifier
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.explanation import ClassifierName, Crop, Sensitivity
from nodulus.app.progress import Progress
from nodulus.app.result import Explanation, Finding
from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True)
class Occlusion:
    """How parts of a crop are covered.

    Args:
        size_mm: edge of a cover, soft rims included; along each axis the nearest whole number of
            voxels.
        cover_hu: what it is filled with; the default is aerated lung, so that a nodule in it is
            taken away and lung beside it stays what it was.
    """

    size_mm: float = 12.0
    cover_hu: float = -850.0


def occlusion_sensitivity(
    crop: Crop,
    classifier: Classifier,
    occlusion: Occlusion,
    *,
    finding_id: int,
    name: ClassifierName,
    batch: int,
) -> Sensitivity:
    """Cover a crop part by part; the same each time for the same crop and network.

    Args:
        crop: what the classifier saw.
        classifier: gives probabilities for inputs of the crop's shape.
        occlusion: size and filling of the covers.
        finding_id: noted in the result.
        name: noted in the result.
        batch: covered crops in one forward pass.
    """
    spacing = np.asarray(crop.geometry.spacing_irc_mm)
    edges = np.clip(np.rint(occlusion.size_mm / spacing), 1, crop.values.shape).astype(int)
    x, y, z = (torch.from_numpy(_profile(int(edge))) for edge in edges)
    weight = x[:, None, None] * y[:, None] * z
    values = torch.from_numpy(np.ascontiguousarray(crop.values))
    boxes = [
        tuple(slice(a, a + n) for a, n in zip(start, weight.shape, strict=True))
        for start in product(*(_starts(n, e) for n, e in zip(values.shape, edges, strict=True)))
    ]
    cover = crop.scaled(occlusion.cover_hu)
    falls, total = torch.zeros_like(values), torch.zeros_like(values)
    with torch.inference_mode():
        uncovered = classifier.judge(values[None, None]).float().cpu()[0]
        for first in range(0, len(boxes), batch):
            chosen = boxes[first : first + batch]
            inputs = values[None, None].repeat(len(chosen), 1, 1, 1, 1)
            for one, box in zip(inputs[:, 0], chosen, strict=True):
                one[box] += weight * (cover - one[box])
            for fall, box in zip(
                uncovered - classifier.judge(inputs).float().cpu(), chosen, strict=True
            ):
                falls[box] += weight * fall
                total[box] += weight
    a, b, c = (float(mm) for mm in edges * spacing)
    return Sensitivity(
        finding_id,
        name,
        float(uncovered),
        (falls / total).numpy(),
        crop.geometry,
        (a, b, c),
        occlusion.cover_hu,
    )


def _profile(edge: int) -> NDArray[np.float32]:
    """Full over the middle half of an edge, with soft rims: a sharp one would be a structure."""
    share = (np.arange(edge) + 0.5) / edge
    return np.minimum(1.0, 2.0 * np.sin(np.pi * share) ** 2).astype(np.float32)


def _starts(size: int, edge: int) -> list[int]:
    """Starts of covers that lie half an edge apart or closer, from one end to the other."""
    count = int(np.ceil((size - edge) / max(1, edge // 2))) + 1
    return sorted({round(s) for s in np.linspace(0, size - edge, count)})


def summarise(sensitivity: Sensitivity, mask: NDArray[np.bool_]) -> Explanation:
    """Put a sensitivity into a few numbers.

    Args:
        sensitivity: of a finding.
        mask: the finding's voxels, of the sensitivity's shape.
    """
    fall, geometry = sensitivity.fall, sensitivity.geometry
    # The place of the largest fall is a block of equal values: its middle stands for it.
    blocks, _ = ndimage.label(fall >= fall.max() - 1e-6)
    highest = np.argwhere(blocks == blocks[np.unravel_index(fall.argmax(), fall.shape)])
    x, y, z = (float(v) for v in geometry.index_to_lps(highest.mean(axis=0)))
    falls = np.clip(fall, 0.0, None)
    total = float(falls.sum(dtype=np.float64))
    share = near_share = None
    if mask.any():
        distance = ndimage.distance_transform_edt(~mask, sampling=geometry.spacing_irc_mm)
        near = distance <= max(sensitivity.cover_mm) / 2
        near_share = float(near.mean())
        share = float(falls[near].sum(dtype=np.float64)) / total if total > 0 else None
    return Explanation(
        classifier=sensitivity.classifier,
        probability=sensitivity.probability,
        largest_fall=max(0.0, float(fall.max())),
        largest_fall_lps_mm=(x, y, z),
        share_at_nodule=share,
        volume_share_at_nodule=near_share,
        cover_mm=max(sensitivity.cover_mm),
        cover_hu=sensitivity.cover_hu,
    )


def explain(
    scan: ScanViews,
    found: Sequence[tuple[Finding, Sequence[float]]],
    labels: Labels,
    models: Models,
    occlusion: Occlusion,
    batch: int,
    report: Progress,
) -> tuple[list[Finding], list[Sensitivity]]:
    """Ask both classifiers of every finding what their answers rest on.

    Args:
        scan: the volume and its views.
        found: findings, each with the point that the classifiers were asked about, LPS mm.
        labels: shape of the volume, the findings' ids.
        models: the classifiers.
        occlusion: size and filling of the covers.
        batch: covered crops in one forward pass.
        report: called with (maps done, maps in all).

    Returns:
        The findings with their summaries, in the order given; and the maps, two a finding.
    """
    classifiers: dict[ClassifierName, Classifier] = {
        "nodule": models.nodule_classifier,
        "malignancy": models.malignancy_classifier,
    }
    explained, maps = [], []
    for finding, point in found:
        summaries = []
        for name, classifier in classifiers.items():
            crop = classifier.crop(scan, point)
            one = occlusion_sensitivity(
                crop, classifier, occlusion, finding_id=finding.id, name=name, batch=batch
            )
            maps.append(one)
            own = _on_crop(labels, scan.volume.geometry, finding.id, crop)
            summaries.append(summarise(one, own))
            report(len(maps), len(found) * len(classifiers))
        explained.append(finding.model_copy(update={"explanations": tuple(summaries)}))
    return explained, maps


def _on_crop(labels: Labels, geometry: Geometry, finding_id: int, crop: Crop) -> NDArray[np.bool_]:
    """A finding's voxels on a crop's grid, by the nearest voxel of the volume."""
    index = np.moveaxis(np.indices(crop.values.shape), 0, -1)
    at = np.rint(geometry.lps_to_index(crop.geometry.index_to_lps(index))).astype(int)
    inside = np.all((at >= 0) & (at < labels.shape), axis=-1)
    at = np.clip(at, 0, np.asarray(labels.shape) - 1)
    return np.asarray(inside & (labels[at[..., 0], at[..., 1], at[..., 2]] == finding_id))
