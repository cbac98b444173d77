"""Images that nobody has annotated: what inference runs on."""

from __future__ import annotations

from pathlib import Path

from nodulus.bundles.common.data.entries import Entry, Source, place_entry
from nodulus.bundles.common.data.reader import DicomError, is_dicom
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import read_points

SUFFIXES = (".mhd", ".mha", ".nii", ".nii.gz", ".nrrd", ".nhdr")


def image_name(path: Path) -> str:
    """The name of an image: that of its folder, or of its file without the suffix."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name


def find_images(folder: Path | str) -> list[Path]:
    """All CT images below a folder.

    Args:
        folder: searched to any depth; may be one image file itself.

    Returns:
        Sorted paths.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ValueError: there is DICOM, which no bundle reads; see
            :class:`~nodulus.bundles.common.data.reader.DicomError`.
    """
    root = Path(folder)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such file or folder")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    images = [path for path in files if path.name.endswith(SUFFIXES)]
    for path in files:
        if not path.name.endswith(SUFFIXES) and is_dicom(path):
            raise DicomError(path.parent)
    if not images:
        raise FileNotFoundError(f"{root}: no image ({', '.join(SUFFIXES)})")
    return images


def image_items(folder: Path | str) -> list[dict[str, str]]:
    """One item ``{"image": path}`` for each image below a folder."""
    return [{"image": str(path)} for path in find_images(folder)]


def bare_studies(folder: Path | str) -> list[Study]:
    """Each image below a folder as a study of which nothing else is known.

    Raises:
        ValueError: two images have the same name, so that points cannot be told apart.
    """
    paths = find_images(folder)
    images = {image_name(path): path for path in paths}
    if len(images) < len(paths):
        raise ValueError(
            f"{folder}: {len(paths) - len(images)} images share their name with others"
        )
    return [Study(name, name, path, None) for name, path in images.items()]


def point_entries(studies: list[Study], points_file: Path | str) -> list[Entry]:
    """One entry for each row of a CSV of points (seriesuid,coordX,coordY,coordZ; LPS mm).

    Raises:
        FileNotFoundError: no such file.
        ValueError: a row names an image that is not there, or the file is no such table.
    """
    index = {study.series_uid: i for i, study in enumerate(studies)}
    points = read_points(Path(points_file))
    unknown = sorted({name for name, _ in points} - set(index))
    if unknown:
        raise ValueError(
            f"{points_file}: {len(unknown)} series have no image, such as {unknown[0]}"
        )
    return [
        place_entry(index[name], studies[index[name]], point, False, Source.CANDIDATE)
        for name, point in points
    ]
