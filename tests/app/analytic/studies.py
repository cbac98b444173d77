"""Analytic studies taken through the whole chain, and their results as a stranger reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from nodulus.app.reading import find_studies
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.study import analyse_study, read_study
from nodulus.app.volume import CtVolume

from .chest_model import LESIONS, Floats, Lesion
from .scans import Scan
from .stand_ins import MODELS, SETTINGS


@dataclass(frozen=True, eq=False)
class Study:
    """One scan of the chest and what came of it."""

    scan: Scan
    source: Path
    volume: CtVolume
    analysis: StudyAnalysis

    def made(self, writer: str, **options: Any) -> bytes:
        """What a writer makes with these options."""
        planned = plan(self.volume, self.analysis, OutputOptions(**options))
        (content,) = writers.WRITERS[writer](planned).values()
        return content

    def objects(self, *names: str, **options: Any) -> list[Dataset]:
        """DICOM objects of one plan."""
        planned = plan(self.volume, self.analysis, OutputOptions(**options))
        made = [next(iter(writers.WRITERS[name](planned).values())) for name in names]
        return [dcmread(BytesIO(content)) for content in made]

    @cached_property
    def result(self) -> StudyResult:
        """findings.json, read again."""
        planned = plan(self.volume, self.analysis, OutputOptions())
        (content,) = writers.findings(planned).values()
        return StudyResult.model_validate_json(content)

    @cached_property
    def seg_and_sr(self) -> list[Dataset]:
        return self.objects("seg", "sr")

    @cached_property
    def images(self) -> dict[str, Dataset]:
        """The source files by SOPInstanceUID."""
        files = [dcmread(path) for path in self.source.rglob("*.dcm")]
        return {str(file.SOPInstanceUID): file for file in files}

    @cached_property
    def hu(self) -> NDArray[np.int16]:
        """What was written, in the scan's own order."""
        return self.scan.hu()

    @cached_property
    def masks(self) -> dict[int, NDArray[np.bool_]]:
        """What the segmentation says of each finding, in the scan's own order."""
        return {n: values > 0 for n, values in held_voxels(self.seg_and_sr[0], self.scan).items()}

    def of(self, lesion: Lesion) -> Finding:
        """The one finding at a lesion."""
        (found,) = (f for f in self.result.findings if lesion_at(f.center_lps_mm) is lesion)
        return found


def lesion_at(point: Any) -> Lesion:
    """The lesion whose centre is nearest."""
    return min(LESIONS, key=lambda one: float(np.linalg.norm(np.subtract(point, one.form.center))))


def run(scan: Scan, folder: Path) -> Study:
    """Write a scan, and take it through the chain."""
    scan.write(folder)
    (found,) = find_studies(folder).studies
    volume, read_s = read_study(found)
    analysis = analyse_study(found, volume, read_s, MODELS, SETTINGS, OutputOptions())
    return Study(scan, folder, volume, analysis)


def frame_places(seg: Dataset) -> list[tuple[int, Floats]]:
    """For each frame its segment, and the affine from (row, column) to LPS mm (3 x 3)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    found = []
    for groups in seg.PerFrameFunctionalGroupsSequence:
        both = [groups, shared]
        orientation = _first(both, "PlaneOrientationSequence").ImageOrientationPatient
        spacing = _first(both, "PixelMeasuresSequence").PixelSpacing
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        row, column = np.asarray(orientation, float).reshape(2, 3)
        matrix = np.stack(
            [column * float(spacing[0]), row * float(spacing[1]), np.asarray(position, float)], 1
        )
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        found.append((number, matrix))
    return found


def held_voxels(seg: Dataset, scan: Scan) -> dict[int, NDArray[np.uint8]]:
    """The segments' values in the scan's own order, by the frames' places in the patient."""
    affine, shape = scan.affine
    back = np.linalg.inv(affine)
    held: dict[int, NDArray[np.uint8]] = {}
    for (number, matrix), pixels in zip(frame_places(seg), seg.pixel_array, strict=True):
        values = held.setdefault(number, np.zeros(shape, np.uint8))
        first = back @ (*matrix[:, 2], 1.0)
        index = np.rint(first[:3]).astype(int)
        np.testing.assert_allclose(first[:3], index, atol=2e-3)
        for k in (0, 1):  # rows are rows and columns are columns
            step = back[:3, :3] @ matrix[:, k]
            np.testing.assert_allclose(step, np.eye(3)[k + 1], atol=1e-5)
        assert index[1:].tolist() == [0, 0]
        assert pixels.shape == shape[1:]
        assert not values[index[0]].any(), "two frames of one segment at one place"
        values[index[0]] = pixels
    return held


def _first(groups: list[Dataset], keyword: str) -> Dataset:
    return next(group[keyword].value[0] for group in groups if keyword in group)
