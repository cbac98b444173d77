"""Masses of the coarse pass with the candidates of the fine one: each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.candidate_records import record_of
from nodulus.app.chain.coarse_pass import Mass
from nodulus.app.result import CandidateRecord
from nodulus.transforms.ball_morphology import dilate
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate, by_rank, make_candidate
from nodulus.transforms.geometry import Geometry

RIM_MM = 3.0
"""A fragment may lie so far outside of the mass's outline."""

_INSIDE = 0.5
"""Share of a fragment that lies in the mass, and share of a mass that a whole candidate covers."""

_IN_MASS = 0.5
"""Least probability in a mass, so that its outline is where the probability falls."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Candidates of both passes.

    Args:
        candidates: by falling peak probability.
        crop_spacing_mm: for each that of the crops that classifiers see, None for their own.
        dropped: records of the fragments that became part of a mass.
        probability: with the masses in it.
    """

    candidates: list[Candidate]
    crop_spacing_mm: list[float | None]
    dropped: list[CandidateRecord]
    probability: NDArray[np.float32]


def join_masses(
    masses: Sequence[Mass],
    candidates: Sequence[Candidate],
    probability: NDArray[np.float32],
    grid: Geometry,
    own_diameter_mm: float,
) -> Joined:
    """Let each mass take the place of the candidates that are pieces of it.

    Where one candidate of the fine pass covers most of a mass, its outline is the better one and
    stays; up to a diameter all of it stays, as if there were no coarse pass.

    Args:
        masses: on the fine grid.
        candidates: of the fine pass.
        probability: of the fine pass, shape of ``grid``.
        grid: of the fine pass.
        own_diameter_mm: up to it a candidate that covers a mass stays as it is.
    """
    left = list(candidates)
    result = probability
    found: list[tuple[Candidate, float | None]] = []
    dropped: list[CandidateRecord] = []
    for mass in masses:
        pieces = [c for c in left if _share_in(c, mass, grid.spacing_irc_mm) >= _INSIDE]
        is_covered = any(_covers(c, mass) for c in pieces)
        if is_covered and mass.diameter_mm < own_diameter_mm:
            continue
        if result is probability:
            result = probability.copy()
        box = _hull([mass.box, *(c.box for c in pieces)])
        mask = np.zeros(tuple(s.stop - s.start for s in box), bool)
        for own_box, own_mask in (
            *([] if is_covered else [(mass.box, mass.mask)]),
            *((c.box, c.mask) for c in pieces),
        ):
            mask[_within(own_box, box)] |= own_mask
        seen = np.zeros(mask.shape, np.float32)
        seen[_within(mass.box, box)] = mass.probability
        part = result[box]
        part[mask] = np.maximum(np.maximum(part, seen), _IN_MASS)[mask]
        whole = make_candidate(result, box, mask, grid.affine_lps, grid.voxel_volume_mm3)
        found.append((whole, mass.crop_spacing_mm))
        place = ", ".join(f"{v:.0f}" for v in whole.center_mm)
        reason = f"dropped: part of the mass at LPS ({place}) mm"
        dropped += [record_of(c, None, None, None, reason) for c in pieces]
        left = [c for c in left if not any(c is piece for piece in pieces)]
    found += [(c, None) for c in left]
    found.sort(key=lambda pair: by_rank(pair[0]))
    return Joined([c for c, _ in found], [mm for _, mm in found], dropped, result)


def _share_in(candidate: Candidate, mass: Mass, spacing_mm: Sequence[float]) -> float:
    """Of a candidate's voxels, the share in the mass or at its rim."""
    rims = [RIM_MM / mm for mm in spacing_mm]
    if any(
        c.stop + rim <= m.start or m.stop + rim <= c.start
        for c, m, rim in zip(candidate.box, mass.box, rims, strict=True)
    ):
        return 0.0
    around = _hull([candidate.box, mass.box])
    own = np.zeros(tuple(s.stop - s.start for s in around), bool)
    own[_within(mass.box, around)] = mass.mask
    near = dilate(own, spacing_mm, RIM_MM)[_within(candidate.box, around)]
    return float(near[candidate.mask].mean())


def _covers(candidate: Candidate, mass: Mass) -> bool:
    """Whether a candidate holds most of a mass."""
    around = _hull([candidate.box, mass.box])
    own = np.zeros(tuple(s.stop - s.start for s in around), bool)
    own[_within(candidate.box, around)] = candidate.mask
    return float(own[_within(mass.box, around)][mass.mask].mean()) >= _INSIDE


def _hull(boxes: Sequence[Box]) -> Box:
    x, y, z = (
        slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes))
        for axis in range(3)
    )
    return x, y, z


def _within(box: Box, outer: Box) -> Box:
    x, y, z = (slice(b.start - o.start, b.stop - o.start) for b, o in zip(box, outer, strict=True))
    return x, y, z
