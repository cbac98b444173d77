"""Findings whose outline or candidate is of another source, in the DICOM objects."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np

from nodulus.app.result import CandidateSourceInfo, Sighting, StudyResult
from nodulus.app.results.deidentify import deidentified_result
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.write_results import write_results

from .synthetic import result_for, two_labels, write_series

SEG_FILE = "nodules_seg.dcm"


def of_another_source(result: StudyResult) -> StudyResult:
    """The first finding with a mask of another source."""
    first, *others = result.findings
    seen = Sighting(source="theirs", probability=None, center_lps_mm=first.center_lps_mm)
    update = {"seen_by": (seen,), "outlined_by": "source"}
    source = CandidateSourceInfo(
        name="theirs", form="dicom-seg", algorithm="net of others", sha256="ab" * 32, weight=1,
        marks=1,
    )  # fmt: skip
    return result.model_copy(
        update={
            "findings": (first.model_copy(update=update), *others),
            "candidate_sources": (source,),
        }
    )


def test_a_mask_of_another_source_is_whole_in_a_fractional_segmentation(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    result = of_another_source(result_for(volume, labels))
    soft = np.where(labels == 2, 0.9, 0.0).astype(np.float32)
    write_results(
        tmp_path / "out",
        volume,
        labels,
        result,
        options=OutputOptions(report=False, sr=False, seg_type="fractional"),
        probability=ProbabilityMap(soft, volume.geometry),
    )
    seg = hd.seg.segread(tmp_path / "out" / SEG_FILE)
    made_by = [
        s.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName for s in seg.SegmentSequence
    ]
    assert made_by == ["net of others", "Nodulus"]
    uids = [image.sop_instance_uid for image in volume.source_images]
    values = seg.get_pixels_by_source_instance(
        uids, segment_numbers=[1, 2], assert_missing_frames_are_empty=True
    )
    assert values[..., 0].max() == 1.0
    assert np.count_nonzero(values[..., 0]) == np.count_nonzero(labels == 1)
    assert 0.88 < values[..., 1].max() < 0.92


def test_a_deidentified_result_names_no_file_and_no_algorithm(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    (source,) = deidentified_result(of_another_source(result_for(volume, labels))).candidate_sources
    assert (source.name, source.sha256, source.algorithm) == ("theirs", None, None)
