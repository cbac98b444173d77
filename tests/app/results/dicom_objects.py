"""A written study, and what its DICOM objects hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom import Dataset

from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume

from .synthetic import result_for


def write(folder: Path, volume: CtVolume, labels: np.ndarray, **options: bool) -> Path:
    result = result_for(volume, labels)
    write_results(folder, volume, labels, result, options=OutputOptions(report=False, **options))
    return folder


def masks(seg: Dataset) -> Iterator[tuple[int, tuple[float, ...], str, np.ndarray]]:
    pixels = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for frame, mask in zip(seg.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = tuple(frame.PlanePositionSequence[0].ImagePositionPatient)
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        yield number, position, source, mask


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)
