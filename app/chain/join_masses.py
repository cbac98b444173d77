"""Masses of the coarse pass with the candidates of the fine one: each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.candidate_records import record_of
from nodulus.app.chain.coarse_pass import Mass
from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.result import CandidateRecord
from nodulus.transforms.ball_morphology import dilate
from nodulus.transforms.blocks import enclosing, relative
from nodulus.transforms.candidates import Candidate, by_rank, make_candidate
from nodulus.transforms.geometry import Geometry


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
    chosen: MassSettings,
) -> Joined:
    """Let each mass take the place of the candidates that are pieces of it.

    Where one candidate of the fine pass covers most of a mass, its outline is the better one and
    stays; up to a diameter all of it stays, as if there were no coarse pass.

    Args:
        masses: on the fine grid.
        candidates: of the fine pass.
        probability: of the fine pass, shape of ``grid``.
        grid: of the fine pass.
        chosen: what counts as a piece of a mass.
    """
    left = list(candidates)
    result = probability
    found: list[tuple[Candidate, float | None]] = []
    dropped: list[CandidateRecord] = []
    for mass in masses:
        pieces = [
            c
            for c in left
            if _share_in(c, mass, grid.spacing_irc_mm, chosen.rim_mm) >= chosen.inside_share
        ]
        is_covered = any(_share_covered(c, mass) >= chosen.inside_share for c in pieces)
        if is_covered and mass.diameter_mm < chosen.own_diameter_mm:
            continue
        if result is probability:
            result = probability.copy()
        box = enclosing([mass.box, *(c.box for c in pieces)])
        mask = np.zeros(tuple(s.stop - s.start for s in box), bool)
        for own_box, own_mask in (
            *([] if is_covered else [(mass.box, mass.mask)]),
            *((c.box, c.mask) for c in pieces),
        ):
            mask[relative(own_box, box)] |= own_mask
        seen = np.zeros(mask.shape, np.float32)
        seen[relative(mass.box, box)] = mass.probability
        part = result[box]
        part[mask] = np.maximum(np.maximum(part, seen), chosen.least_probability)[mask]
        whole = make_candidate(result, box, mask, grid.affine_lps, grid.voxel_volume_mm3)
        found.append((whole, mass.crop_spacing_mm))
        place = ", ".join(f"{v:.0f}" for v in whole.center_mm)
        reason = f"dropped: part of the mass at LPS ({place}) mm"
        dropped += [record_of(c, None, None, None, reason) for c in pieces]
        left = [c for c in left if not any(c is piece for piece in pieces)]
    found += [(c, None) for c in left]
    found.sort(key=lambda pair: by_rank(pair[0]))
    return Joined([c for c, _ in found], [mm for _, mm in found], dropped, result)


def _share_in(
    candidate: Candidate, mass: Mass, spacing_mm: Sequence[float], rim_mm: float
) -> float:
    """Of a candidate's voxels, the share in the mass or at its rim."""
    rims = [rim_mm / mm for mm in spacing_mm]
    if any(
        c.stop + rim <= m.start or m.stop + rim <= c.start
        for c, m, rim in zip(candidate.box, mass.box, rims, strict=True)
    ):
        return 0.0
    around = enclosing([candidate.box, mass.box])
    own = np.zeros(tuple(s.stop - s.start for s in around), bool)
    own[relative(mass.box, around)] = mass.mask
    near = dilate(own, spacing_mm, rim_mm)[relative(candidate.box, around)]
    return float(near[candidate.mask].mean())


def _share_covered(candidate: Candidate, mass: Mass) -> float:
    """Of a mass's voxels, the share in a candidate."""
    around = enclosing([candidate.box, mass.box])
    own = np.zeros(tuple(s.stop - s.start for s in around), bool)
    own[relative(candidate.box, around)] = candidate.mask
    return float(own[relative(mass.box, around)][mass.mask].mean())
