"""Many small studies from a few phantoms, each under UIDs of its own; for benchmarks of cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def make_phantoms(folder: Path, count: int) -> list[list[Path]]:
    """Small chests as DICOM (128 x 128 pixels, slices 4 to 5 mm apart).

    Args:
        folder: for them; what is there is not made again.
        count: of chests.

    Returns:
        The files of each, from bottom to top or the other way.
    """
    from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
    from nodulus.app.data.phantom.recipe import PhantomRecipe

    plan = DatasetPlan(folder, 11, PhantomRecipe.small(), "test", PhantomFormat.DICOM)
    for _ in write_dataset(plan, count):
        pass
    by_folder: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*.dcm")):
        by_folder.setdefault(path.parent, []).append(path)
    return list(by_folder.values())


def slab(files: Sequence[Path], slices: int, shift: int = 0) -> list[Path]:
    """The files of a part of a chest, to be quick.

    Args:
        files: of the chest.
        slices: how many of them.
        shift: of the part from the chest's middle, in slices.
    """
    return list(files[(len(files) - slices) // 2 + shift :][:slices])


def uid_of(*parts: object) -> str:
    """A UID that follows from what it is for."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[str(part) for part in ("faults", *parts)]))


def copy_study(files: Sequence[Path], target: Path, number: int, scale: float = 1.0) -> None:
    """Write a study under other UIDs.

    Args:
        files: its images.
        target: a new folder.
        number: decides the UIDs.
        scale: of all lengths, below 1 for a smaller patient, whose analysis is quicker.
    """
    from pydicom import dcmread

    target.mkdir(parents=True)
    for index, path in enumerate(files):
        image = dcmread(path)
        image.StudyInstanceUID = uid_of(number)
        image.SeriesInstanceUID = uid_of(number, "series")
        image.SOPInstanceUID = uid_of(number, index)
        image.PixelSpacing = [scale * mm for mm in image.PixelSpacing]
        image.SliceThickness = scale * image.SliceThickness
        image.ImagePositionPatient = [scale * mm for mm in image.ImagePositionPatient]
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(target / f"{index:04d}.dcm", enforce_file_format=True)
