"""Several acquisitions, kinds of images and reconstructions under one SeriesInstanceUID."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import Dataset

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, new_series, renew, set_hounsfield, write

Change = Callable[[Dataset, int], None]


@variant("acquisitions-half-a-slice-apart")
def _half_a_slice(source: Source, folder: Path) -> None:
    def number(image: Dataset, k: int) -> None:
        image.AcquisitionNumber = 2

    write([*source.copies(), *_again(source, number, offset=0.5)], folder)


@variant("acquisitions-told-by-time")
def _by_time(source: Source, folder: Path) -> None:
    """Every image has its own AcquisitionTime, as helical scanners write it."""
    images = source.copies()
    for k, image in enumerate(images):
        image.AcquisitionDate, image.AcquisitionTime = "20200101", f"1200{k * 0.3:09.6f}"

    def later(image: Dataset, k: int) -> None:
        image.AcquisitionDate, image.AcquisitionTime = "20200101", f"1201{k * 0.3:09.6f}"

    write([*images, *_again(source, later, offset=0.5)], folder)


@variant("acquisitions-told-by-stack")
def _by_stack(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.StackID = "1"

    def second(image: Dataset, k: int) -> None:
        image.StackID = "2"

    write([*images, *_again(source, second, offset=1 / 3)], folder)


@variant("acquisitions-untold-even")
def _untold_even(source: Source, folder: Path) -> None:
    write([*source.copies(), *_again(source, lambda image, k: None, offset=0.5)], folder)


@variant("acquisitions-untold-uneven")
def _untold_uneven(source: Source, folder: Path) -> None:
    images = [*source.copies(), *_again(source, lambda image, k: None, offset=1 / 3)]
    for image in images:
        del image.InstanceNumber
    write(images, folder)


@variant("acquisitions-end-to-end")
def _end_to_end(source: Source, folder: Path) -> None:
    images = source.copies()
    for k, image in enumerate(images):
        image.AcquisitionNumber = 1 if k < len(images) // 2 else 2
        image.AcquisitionTime = f"12{image.AcquisitionNumber:02d}00"
    write(images, folder)


@variant("acquisition-number-by-slice")
def _step_and_shoot(source: Source, folder: Path) -> None:
    images = source.copies()
    for k, image in enumerate(images):
        image.AcquisitionNumber, image.AcquisitionTime = k + 1, f"1200{k:02d}"
    write(images, folder)


@variant("two-tube-voltages-in-a-series")
def _voltages(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.KVP = "140"

    def second(image: Dataset, k: int) -> None:
        image.KVP = "80"

    write([*images, *_again(source, second)], folder)


@variant("kernel-missing-in-some-slices")
def _some_kernels(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images[5:20:4]:
        del image.ConvolutionKernel
        image.SliceThickness = ""
    write(images, folder)


@variant("monitoring-images-in-the-series")
def _monitoring(source: Source, folder: Path) -> None:
    def monitor(image: Dataset, k: int) -> None:
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 MON"]
        image.SliceThickness = "10"

    write([*_at_one_place(source, monitor), *source.copies()], folder)


@variant("monitoring-images-unnamed")
def _unnamed_monitoring(source: Source, folder: Path) -> None:
    """Nothing but their AcquisitionNumber says what they are."""

    def monitor(image: Dataset, k: int) -> None:
        image.AcquisitionNumber = 100 + k

    write([*_at_one_place(source, monitor), *source.copies()], folder)


@variant("mip-slabs-in-the-series")
def _slabs(source: Source, folder: Path) -> None:
    def slab(image: Dataset, k: int) -> None:
        image.ImageType = ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 MIP"]

    write([*source.copies(), *_again(source, slab)], folder)


@variant("mip-slabs-beside")
def _slabs_beside(source: Source, folder: Path) -> None:
    """Thinner by their header than the scan itself, as a series of their own."""
    mip = np.maximum(source.hu, np.roll(source.hu, 1, axis=0))
    slabs = new_series(source, "slabs", mip, source.positions)
    for image in slabs:
        image.ImageType = ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 MIP"]
        image.SliceThickness = "1"
    write(source.copies(), folder)
    write(slabs, folder, prefix="slabs")


@variant("thick-reformats-beside")
def _mpr_thick(source: Source, folder: Path) -> None:
    reformats = new_series(source, "reformats", source.hu, source.positions)
    for image in reformats:
        image.ImageType = ["DERIVED", "SECONDARY", "MPR THICK"]
        image.SliceThickness = "1"
    write(source.copies(), folder)
    write(reformats, folder, prefix="reformats")


@variant("blended-energies-beside")
def _blend(source: Source, folder: Path) -> None:
    blend = new_series(source, "blend", source.hu // 2, source.positions)
    for image in blend:
        image.ImageType = ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM8 DEOC"]
        image.SliceThickness = "1"
    write(source.copies(), folder)
    write(blend, folder, prefix="blend")


@variant("projections-by-description-beside")
def _described(source: Source, folder: Path) -> None:
    slabs = new_series(source, "described", source.hu + 100, source.positions)
    for image in slabs:
        image.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
        image.SeriesDescription = "Thorax MIP 10/3"
        image.SliceThickness = "1"
    write(source.copies(), folder)
    write(slabs, folder, prefix="described")


@variant("slabs-that-nothing-names")
def _overlapping(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        image.SliceThickness = "10"
    write(images, folder)


def _again(source: Source, change: Change, *, offset: float = 0.0) -> list[Dataset]:
    """The scan once more, 100 HU brighter, so many slices further; numbered from 1 again."""
    positions = source.positions + np.array([0.0, 0.0, offset * source.step_mm])
    images = new_series(source, "", source.hu + 100, positions)
    for k, image in enumerate(images):
        renew(image, "once more", k)
        change(image, k)
    return images


def _at_one_place(source: Source, change: Change) -> list[Dataset]:
    images = []
    for k in range(12):
        image = copy.deepcopy(source.images[len(source.images) // 2])
        set_hounsfield(image, source.hu[len(source.images) // 2] + 10 * k)
        renew(image, "monitoring", k)
        image.InstanceNumber = k + 1
        change(image, k)
        images.append(image)
    return images
