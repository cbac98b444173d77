"""Single slices of real nodules and of false alarms, from what there is of them in public.

Whole scans with every nodule marked are few; single slices of nodules, and of what older
detectors took for nodules, are many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.bundles.common.data.entries import candidate_entries, known_entries
from nodulus.bundles.common.data.prepared import PreparedStudies
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.bundles.common.lidc.database import read_scans
from nodulus.bundles.common.patient_roles import Role, role_of
from nodulus.transforms.patch_sampling import lps_to_voxel
from nodulus.transforms.patches import crop_cube

EDGE = 72
"""Pixels of every item; smaller slices go on as at their rim."""

UNKNOWN_MM = 0.0
_LOWEST_HU = -1024
_TEXTURE = 7
"""Column of the texture in LIDC-IDRI's ratings."""


@dataclass(frozen=True, eq=False)
class SliceItems:
    """Slices with their truth; arrays of one length n.

    Args:
        hu: int16, (n, EDGE, EDGE).
        pixel_mm: width of a pixel; ``UNKNOWN_MM`` where nobody says.
        center: of the nodule or candidate, (n, 2): columns and rows off the middle.
        nodule: whether it is one.
        texture: LIDC-IDRI's median, 1 to 5; NaN where not rated.
        source: name of where each comes from.
        patients: whose it is; several where it is one of them.
    """

    hu: NDArray[np.int16]
    pixel_mm: NDArray[np.float64]
    center: NDArray[np.float64]
    nodule: NDArray[np.bool_]
    texture: NDArray[np.float64]
    source: NDArray[np.str_]
    patients: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.hu)

    def chosen(self, which: NDArray[np.bool_]) -> SliceItems:
        """Some of them."""
        arrays = {
            name: getattr(self, name)[which]
            for name in ("hu", "pixel_mm", "center", "nodule", "texture", "source")
        }
        own = tuple(p for p, take in zip(self.patients, which, strict=True) if take)
        return replace(self, patients=own, **arrays)

    def of_role(self, role: Role, without: Iterable[str] = ()) -> SliceItems:
        """Those all of whose possible patients have a role, and none is among some."""
        left_out = frozenset(without)
        return self.chosen(
            np.array(
                [all(role_of(p) is role for p in own) and not own & left_out
                 for own in self.patients],
                dtype=bool,
            )
        )  # fmt: skip

    def counted(self) -> Counter[tuple[str, bool]]:
        """How many there are of each source and truth."""
        return Counter(zip(self.source.tolist(), self.nodule.tolist(), strict=True))


def joined(parts: Sequence[SliceItems]) -> SliceItems:
    """All items of several sources."""
    return SliceItems(
        hu=np.concatenate([part.hu for part in parts]),
        pixel_mm=np.concatenate([part.pixel_mm for part in parts]),
        center=np.concatenate([part.center for part in parts]),
        nodule=np.concatenate([part.nodule for part in parts]),
        texture=np.concatenate([part.texture for part in parts]),
        source=np.concatenate([part.source for part in parts]),
        patients=tuple(own for part in parts for own in part.patients),
    )


def rated_slices(archive: Path) -> SliceItems:
    """Nodules' slices in the archive that ``nodulus prepare slices`` reads."""
    with np.load(archive) as file:
        hu, mask, patient = file["hu"], file["mask"] > 0, file["patient"]
        pixel, ratings = file["pixel_spacing"], file["ratings_4x9"][..., _TEXTURE]
        sure = file["intercept_ok"] if "intercept_ok" in file else np.ones(len(hu), bool)
    kept = np.flatnonzero(sure & mask.any(axis=(1, 2)))
    middle = (np.array(hu.shape[1:]) - 1) / 2
    rows_columns = np.array([np.argwhere(mask[k]).mean(axis=0) - middle for k in kept])
    return _items(
        "slice",
        [np.maximum(hu[k], _LOWEST_HU) for k in kept],
        pixel[kept],
        np.ones(len(kept), bool),
        [frozenset({str(patient[k])}) for k in kept],
        center=rows_columns[:, ::-1],
        texture=np.nanmedian(ratings[kept], axis=1),
    )


def cut_out_nodules(archive: Path, neighbour_mm: float = 1.3) -> SliceItems:
    """The middle slices of nodules in the archive that ``nodulus prepare cubes`` reads.

    Args:
        archive: the file.
        neighbour_mm: where slices are no further apart, those next to the middle come too.
    """
    with np.load(archive) as file:
        hu, spacing, patient = file["hu"], file["spacing_zyx"], file["patient"]
    middle = hu.shape[1] // 2
    places = [
        (k, middle + off)
        for k in range(len(hu))
        for off in ((-1, 0, 1) if spacing[k][0] <= neighbour_mm else (0,))
    ]
    return _items(
        "cube",
        [hu[k, level] for k, level in places],
        np.array([spacing[k][1] for k, _ in places]),
        np.ones(len(places), bool),
        [frozenset({str(patient[k])}) for k, _ in places],
    )


def candidate_patches(archive: Path, series_list: Path) -> SliceItems:
    """Patches of LUNA16's candidates, of which only a range of series is known.

    Args:
        archive: ``patch`` (n, rows, columns), 8 bit for -1000 to 400 HU; ``label``;
            ``first_series`` and ``last_series``, places in the sorted list of series.
        series_list: LUNA16's ``seriesuids.csv``.
    """
    with np.load(archive) as file:
        patch, label = file["patch"], file["label"] > 0
        first, last = file["first_series"], file["last_series"]
    lines = (line.strip() for line in series_list.read_text(encoding="utf-8").splitlines())
    series = sorted(line for line in lines if line[:1].isdigit())
    scans = read_scans()
    return _items(
        "patch",
        [np.rint(p.astype(np.float32) / 255 * 1400 - 1000) for p in patch],
        np.full(len(patch), UNKNOWN_MM),
        label,
        [
            frozenset(scans[uid].patient_id for uid in series[a : b + 1])
            for a, b in zip(first.tolist(), last.tolist(), strict=True)
        ],
    )


def chain_candidates(cache: Path, reach: int = 1) -> SliceItems:
    """Slices through the nodules and candidates of a training cache of whole scans, 1 mm apart.

    Args:
        cache: of ``nodulus prepare folder --candidates``.
        reach: so many slices on either side too.
    """
    studies = read_data_dir(cache)
    prepared = PreparedStudies(studies, cache / "prepared")
    slices, truth, whose = [], [], []
    for entry in known_entries(prepared, candidate_entries(studies)):
        item = prepared[entry["study"]]
        voxel = lps_to_voxel(entry["point_lps_mm"], item["affine"])
        cube = crop_cube(item["image"], voxel, (EDGE, EDGE, 2 * reach + 1), _LOWEST_HU)[0]
        for level in range(2 * reach + 1):
            slices.append(np.asarray(cube[..., level]))
            truth.append(bool(entry["target"][0]))
            whose.append(frozenset({studies[entry["study"]].patient_id}))
    return _items("candidate", slices, np.ones(len(slices)), np.array(truth, bool), whose)


def _items(
    source: str,
    slices: Sequence[NDArray[Any]],
    pixel_mm: NDArray[np.floating],
    nodule: NDArray[np.bool_],
    patients: Sequence[frozenset[str]],
    center: NDArray[np.floating] | None = None,
    texture: NDArray[np.floating] | None = None,
) -> SliceItems:
    n = len(slices)
    return SliceItems(
        np.stack([_of_edge(s) for s in slices]).astype(np.int16),
        np.asarray(pixel_mm, dtype=np.float64),
        np.zeros((n, 2)) if center is None else np.asarray(center, dtype=np.float64),
        nodule,
        np.full(n, np.nan) if texture is None else np.asarray(texture, dtype=np.float64),
        np.full(n, source),
        tuple(patients),
    )


def _of_edge(image: NDArray[Any]) -> NDArray[Any]:
    """An image of ``EDGE`` pixels, its middle where it was."""
    before = [(EDGE - n) // 2 for n in image.shape]
    after = [EDGE - n - b for n, b in zip(image.shape, before, strict=True)]
    return np.pad(image, list(zip(before, after, strict=True)), mode="edge")
