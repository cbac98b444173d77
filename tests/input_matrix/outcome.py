"""What became of a variant, and how it compares with the plain series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import Archives, StudyInput, find_studies
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

FINE = 0.02
"""Voxels; centres nearer than this are the same point."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One reading of a folder.

    Args:
        study: the one that was asked for; None where there is no such study.
        volume: what was read of it.
        error: why nothing was.
        problems: codes of files that could not be used, each once.
    """

    study: StudyInput | None
    volume: CtVolume | None
    error: NodulusError | None
    problems: frozenset[str]

    @property
    def warnings(self) -> frozenset[str]:
        """Codes of the volume's warnings."""
        return (
            frozenset() if self.volume is None else frozenset(w.code for w in self.volume.warnings)
        )


def read(folder: Path, study_uid: str) -> Reading:
    """Read a study as the command line does, with every other error in its place."""
    with Archives() as archives:
        return _read(folder, study_uid, archives)


def _read(folder: Path, study_uid: str, archives: Archives) -> Reading:
    try:
        found = find_studies(folder, archives=archives)
    except NodulusError as error:
        return Reading(None, None, error, frozenset())
    problems = frozenset(problem.code.value for problem in found.problems)
    study = next((study for study in found.studies if study.key == study_uid), None)
    if study is None:
        error = next((s.error for s in found.studies if s.error), None)
        return Reading(None, None, error or found.problems[0], problems)
    try:
        return Reading(study, study.load(), None, problems)
    except NodulusError as error:
        if error.code is ErrorCode.INTERNAL:
            raise
        return Reading(study, None, error, problems)


def difference_hu(plain: CtVolume, other: CtVolume) -> NDArray[np.float64]:
    """Compare two volumes voxel by voxel, whatever the order of their axes.

    The other one may reach further and have more voxels between those of the plain one.

    Returns:
        Absolute differences at the plain one's voxel centres, of its shape; infinite where the
        voxel centres of the plain one are no voxel centres of the other.
    """
    shape = plain.geometry.shape_irc
    nowhere = np.full(shape, np.inf)
    step = np.linalg.inv(other.geometry.affine_lps) @ plain.geometry.affine_lps
    axes = [int(np.argmax(np.abs(step[k, :3]))) for k in range(3)]
    if sorted(axes) != [0, 1, 2]:
        return nowhere
    indices = []
    for k, axis in enumerate(axes):
        index = step[k, axis] * np.arange(shape[axis]) + step[k, 3]
        across = np.delete(step[k, :3], axis) * np.delete(shape, axis)
        nearest = np.rint(index)
        is_same = np.abs(index - nearest).max() < FINE and np.abs(across).max() < FINE
        if not is_same or nearest.min() < 0 or nearest.max() >= other.geometry.shape_irc[k]:
            return nowhere
        indices.append(nearest.astype(int))
    seen = other.hu[np.ix_(*indices)].transpose(np.argsort(axes)).astype(np.float64)
    return np.abs(seen - plain.hu)


def is_sound(volume: CtVolume) -> bool:
    """Whether a volume holds what `CtVolume` promises, whatever it was read from."""
    axes = Geometry(volume.geometry.shape_irc, volume.geometry.affine_lps).direction_irc
    return bool(
        np.isfinite(volume.hu).all()
        and volume.hu.dtype in (np.int16, np.float32)
        and np.isfinite(volume.geometry.affine_lps).all()
        and np.allclose(axes.T @ axes, np.eye(3), atol=1e-6)
        and all(0.01 <= mm <= 10.01 for mm in volume.geometry.spacing_irc_mm)
        and min(volume.geometry.shape_irc) > 1
    )
