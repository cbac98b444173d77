"""More in the folder than the one series: other objects, series, kernels and time points."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import EnhancedSRStorage, SecondaryCaptureImageStorage
from scipy.ndimage import gaussian_laplace

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, new_series, new_uid, renew, write


@variant("two-series-interleaved")
def _interleaved(source: Source, folder: Path) -> None:
    first, second = source.copies(), _another(source, "second", lambda image: None)
    for image in first:
        image.SeriesNumber = 2
    for image in second:
        image.SeriesNumber = 3
    write([image for pair in zip(second, first, strict=True) for image in pair], folder)


@variant("localizer-in-the-series")
def _localizer(source: Source, folder: Path) -> None:
    images = source.copies()
    write([images[0], localizer(source), *images[1:]], folder)


@variant("dose-report-among-the-slices")
def _dose_report(source: Source, folder: Path) -> None:
    images = source.copies()
    report = _without_pixels(images[0])
    report.SOPClassUID, report.Modality = EnhancedSRStorage, "SR"
    renew(report, "dose report", 1, series=True)
    screen = copy.deepcopy(images[0])
    screen.SOPClassUID = SecondaryCaptureImageStorage
    screen.ImageType = ["DERIVED", "SECONDARY", "DOSE_INFO"]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del screen[keyword]
    renew(screen, "screen", 1)
    write([*images[:5], report, screen, *images[5:]], folder)


@variant("two-time-points-in-a-series")
def _time_points(source: Source, folder: Path) -> None:
    def later(image: Dataset) -> None:
        image.AcquisitionNumber, image.TemporalPositionIdentifier = 2, 2

    first = source.copies()
    for image in first:
        image.AcquisitionNumber, image.TemporalPositionIdentifier = 1, 1
    write([*first, *_another(source, "", later)], folder)


@variant("two-studies")
def _studies(source: Source, folder: Path) -> None:
    study = new_uid(source.images[0].StudyInstanceUID, "before")

    def before(image: Dataset) -> None:
        image.StudyInstanceUID = study

    write(source.copies(), folder)
    write(_another(source, "before", before), folder, prefix="before")


@variant("second-kernel")
def _kernel(source: Source, folder: Path) -> None:
    write(source.copies(), folder)
    write(_sharp(source, "sharp"), folder, prefix="sharp")


@variant("second-kernel-in-the-series")
def _kernel_within(source: Source, folder: Path) -> None:
    write([*source.copies(), *_sharp(source, "")], folder)


@variant("thin-and-thick")
def _thick(source: Source, folder: Path) -> None:
    """The same scan with the mean of every two slices beside it."""
    pairs = len(source.images) // 2 * 2
    hu = (source.hu[0:pairs:2] + source.hu[1:pairs:2]) / 2
    positions = (source.positions[0:pairs:2] + source.positions[1:pairs:2]) / 2
    thick = new_series(source, "thick", hu, positions)
    for image in thick:
        image.SliceThickness = f"{2 * source.step_mm:g}"
    write(source.copies(), folder)
    write(thick, folder, prefix="thick")


def localizer(source: Source) -> Dataset:
    """A scout view in the source's series: every slice summed up along its columns."""
    hu = source.hu[::-1].mean(axis=1)
    (image,) = new_series(
        source,
        "",
        hu[None],
        source.positions[-1:],
        orientation=(1, 0, 0, 0, 0, -1),
        spacing_rc_mm=(source.step_mm, source.spacing_rc_mm[1]),
    )
    renew(image, "localizer", 0)
    image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return image


def _another(source: Source, name: str, change: Callable[[Dataset], None]) -> list[Dataset]:
    """The source's images again, 100 HU brighter, so that a mixture shows."""
    images = new_series(source, name, source.hu + 100, source.positions)
    for image in images:
        renew(image, f"another {name}", image.InstanceNumber)
        change(image)
    return images


def _sharp(source: Source, name: str) -> list[Dataset]:
    edges = np.stack([gaussian_laplace(hu.astype(np.float32), 0.8) for hu in source.hu])
    images = new_series(source, name, source.hu - edges, source.positions)
    for image in images:
        image.ConvolutionKernel, image.SeriesNumber = "B80f", 9
        renew(image, "sharp", image.InstanceNumber)
    return images


def _without_pixels(image: Dataset) -> Dataset:
    copied = copy.deepcopy(image)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "ImageType"):
        del copied[keyword]
    return copied
