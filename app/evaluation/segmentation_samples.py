"""Nodules with an outline and the segmentation's probabilities around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.match_results import read_result
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.transforms.geometry import apply_affine
from nodulus.transforms.ignore_label import IGNORE_LABEL

if TYPE_CHECKING:
    import torch

    from nodulus.app.chain.network.loading import LoadedBundle

MARGIN_MM = 12.0
"""Looked at around an outline, for what is drawn beyond it."""

STRIDE = 16
"""Edges of a patch are multiples of it; the network halves them at most four times."""


@dataclass(frozen=True, eq=False)
class OutlinedNodule:
    """One nodule and its surroundings.

    Args:
        name: series and label, or the crop.
        probability: float32, shape (X, Y, Z), 0 where a voxel belongs to another nodule.
        outline: bool, same shape, not empty.
        spacing_mm: edge lengths of a voxel.
    """

    name: str
    probability: NDArray[np.float32]
    outline: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]


def outlined_in_results(results: Path, masks: Path) -> Iterator[OutlinedNodule]:
    """Nodules of a run that kept its probability maps.

    The probabilities are brought to the outlines' own grid, linearly, as the chain does when it
    measures.

    Args:
        results: what `nodulus detect --keep-intermediates` wrote.
        masks: ``<series UID>.nii.gz`` for each of its series, a label map: 0 background, n
            nodule n, 255 where nobody has labelled.

    Raises:
        NodulusError: ``input-empty`` or ``input-not-found``; names the file.
    """
    paths = sorted(results.glob(f"*/{FINDINGS_FILE}"))
    if not paths:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"there is no {FINDINGS_FILE} below it.",
            remedy="Give a folder that `nodulus detect` wrote.",
            subject=results,
        )
    for path in paths:
        uid = read_result(path).series_uid
        probability = _needed(
            path.parent / "intermediates" / "probability.nii.gz",
            "Run `nodulus detect` with --keep-intermediates.",
        )
        mask = _needed(masks / f"{uid}.nii.gz", "Give a label map for each series of the run.")
        yield from _outlined_in_scan(uid, probability, mask)


def _needed(path: Path, remedy: str) -> Path:
    if not path.is_file():
        raise NodulusError(ErrorCode.INPUT_NOT_FOUND, "no such file.", remedy=remedy, subject=path)
    return path


def _outlined_in_scan(uid: str, probability: Path, mask: Path) -> Iterator[OutlinedNodule]:
    from nodulus.app.results.nifti import load_nifti

    map_image, label_image = load_nifti(probability), load_nifti(mask)
    values = np.asarray(map_image.dataobj, dtype=np.float32)
    labels = np.asarray(label_image.dataobj).astype(np.int64)
    to_map = np.linalg.inv(map_image.affine) @ label_image.affine
    spacing = np.linalg.norm(label_image.affine[:3, :3], axis=0)
    pad = np.ceil(MARGIN_MM / spacing).astype(int)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None or label == IGNORE_LABEL:
            continue
        around = tuple(
            slice(max(s.start - p, 0), min(s.stop + p, n))
            for s, p, n in zip(box, pad, labels.shape, strict=True)
        )
        own = labels[around]
        index = np.stack(
            np.meshgrid(*(np.arange(s.start, s.stop) for s in around), indexing="ij"), axis=-1
        )
        places = np.moveaxis(apply_affine(to_map, index.reshape(-1, 3)), -1, 0)
        seen = ndimage.map_coordinates(values, places, order=1, cval=0.0, prefilter=False)
        near = seen.reshape(own.shape).astype(np.float32)
        near[(own != 0) & (own != label)] = 0.0
        x, y, z = (float(s) for s in spacing)
        yield OutlinedNodule(f"{uid} {label}", near, own == label, (x, y, z))


def outlined_in_crops(
    path: Path, bundle: LoadedBundle, device: torch.device
) -> Iterator[OutlinedNodule]:
    """Nodules in crops, which the segmentation network looks at here.

    Args:
        path: a NumPy archive with ``hu``, shape (n, I, R, C): cubes around a nodule at the
            network's spacing, slices upwards, rows to the back and columns to the left; and
            ``mask`` of the same shape, its outline.
        bundle: the segmentation.
        device: where its network is.

    Raises:
        NodulusError: ``input-not-readable``, ``input-not-found``, or ``model-invalid`` where the
            network has no spacing of its own.
    """
    import torch

    spacing = bundle.spacing_mm
    if spacing is None:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            "its segmentation looks at slices of any spacing, not at cubes.",
            remedy="Give the results of a run and label maps instead of crops.",
            subject=bundle.name,
        )
    cubes, masks = _crops(path)
    low, high = bundle.window_hu
    x, y, z = cubes.shape[:0:-1]
    # One look at the whole crop, its edges drawn out to a size that the network takes.
    pad = [(0, -n % STRIDE) for n in (x, y, z)]
    for number, (cube, mask) in enumerate(zip(cubes, masks, strict=True)):
        image = np.flip(cube.transpose(2, 1, 0), (0, 1)).astype(np.float32)
        outline = np.flip(mask.transpose(2, 1, 0), (0, 1)).astype(bool)
        if not outline.any():
            continue
        scaled = np.pad((np.clip(image, low, high) - low) / (high - low), pad, mode="edge")
        with torch.inference_mode():
            logits = bundle.network(torch.from_numpy(scaled)[None, None].to(device))
        probability = torch.sigmoid(logits.float())[0, 0, :x, :y, :z].cpu().numpy()
        yield OutlinedNodule(str(number), probability, outline, (spacing, spacing, spacing))


def _crops(path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    _needed(path, "Check the path.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            cubes, masks = archive["hu"], archive["mask"]
    except (OSError, ValueError, KeyError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"no archive of crops: {error}.",
            remedy="Give an .npz with 'hu' and 'mask', each of shape (n, I, R, C).",
            subject=path,
        ) from error
    if cubes.ndim != 4 or cubes.shape != masks.shape or min(cubes.shape[1:]) < 16:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"'hu' has shape {cubes.shape}, 'mask' {masks.shape}.",
            remedy="Both are (n, I, R, C), with edges of 16 voxels and more.",
            subject=path,
        )
    return cubes, masks
