"""Marks of others in 3D Slicer's files, RT Structure Sets, reports and nnU-Net's predictions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from skimage.measure import find_contours

from nodulus.app.candidates import open_candidates
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import write_nifti
from tests.app.candidates.opened import marks_of, refused, voxels
from tests.app.data.masks.dicom_masks import write_rtstruct
from tests.app.other_tools import (
    write_dcmqi_report,
    write_dcmqi_seg,
    write_highdicom_report,
    write_slicer_segmentation,
)
from tests.app.results.others import plastimatch
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]


def test_segments_of_slicer(tmp_path: Path, scan: CtVolume, masks) -> None:
    path = write_slicer_segmentation(
        tmp_path / "s.seg.nrrd",
        scan.geometry,
        {"left lung": scan.hu < -700, "nodule a": masks[0], "nodule b": masks[1]},
    )
    source = open_candidates(path)
    assert (source.name, source.form) == ("s.seg", "label-map")
    found = source.marks(scan, lambda done, total: None)
    assert np.array_equal(voxels(found, scan), masks[0] | masks[1])
    (only,) = marks_of(path, scan, label="nodule b").marks
    assert only.center_lps_mm == pytest.approx(SMALL, abs=0.8)
    assert "nothing in it is named heart" in refused(path, scan, label="heart")


def test_a_broken_file_of_slicer_is_refused(tmp_path: Path, scan: CtVolume) -> None:
    path = tmp_path / "s.seg.nrrd"
    path.write_bytes(b"NRRD0004\n")
    assert "cannot be used as a segmentation" in refused(path, scan)


def test_markups_of_slicer(tmp_path: Path, scan: CtVolume) -> None:
    path = tmp_path / "m.mrk.json"
    points = [{"label": "a", "position": list(BIG)}, {"label": "b", "position": list(SMALL)}]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}
    path.write_text(json.dumps({"markups": [markup]}))
    source = open_candidates(path)
    assert source.form == "markups"
    found = source.marks(scan, lambda done, total: None)
    assert [(m.center_lps_mm, m.voxels) for m in found.marks] == [(BIG, None), (SMALL, None)]
    path.write_text("{}")
    assert "'markups' is missing" in refused(path, scan)


def rtstruct(path: Path, scan: CtVolume, folder: Path, mask: np.ndarray, name: str) -> Path:
    curves = []
    for k, plane in enumerate(mask):
        for line in find_contours(np.pad(plane, 1).astype(float), 0.5):
            index = np.column_stack([np.full(len(line), k), line - 1])
            curves.append(scan.geometry.index_to_lps(index)[:-1])
    first = dcmread(next(folder.iterdir()))
    write_rtstruct(
        path, [(name, "", curves)], frame=first.FrameOfReferenceUID, series=scan.series_uid
    )
    dataset = dcmread(path)
    dataset.StudyInstanceUID = scan.study_uid
    dataset.save_as(path)
    return path


def test_contours_of_a_structure_set(tmp_path: Path, scan: CtVolume, folder: Path, masks) -> None:
    path = rtstruct(tmp_path / "r.dcm", scan, folder, masks[0], "GTV 1")
    source = open_candidates(path)
    assert source.form == "dicom-rtstruct"
    found = source.marks(scan, lambda done, total: None)
    assert np.array_equal(voxels(found, scan), masks[0])
    assert marks_of(path, replace(scan, study_uid="1.9")).marks == ()


def test_contours_that_plastimatch_drew(
    tmp_path: Path, scan: CtVolume, folder: Path, masks
) -> None:
    image = write_nifti(tmp_path / "m.nii.gz", masks[0].astype(np.uint8), scan.geometry)
    plastimatch(
        *("--input-ss-img", str(image), "--referenced-ct", str(folder)),
        *("--output-dicom", str(tmp_path / "drawn")),
    )
    (path,) = (p for p in (tmp_path / "drawn").iterdir() if dcmread(p).Modality == "RTSTRUCT")
    (roi,) = dcmread(path).StructureSetROISequence
    # Its name, with a UID, is longer than that of a source may be.
    assert open_candidates(path, label=roi.ROIName).name == path.stem[:64] != path.stem
    found = marks_of(path, scan, label=roi.ROIName)
    assert np.array_equal(voxels(found, scan), masks[0])


def test_a_structure_set_without_a_nodule_says_what_it_has(
    tmp_path: Path, scan: CtVolume, folder: Path, masks
) -> None:
    path = rtstruct(tmp_path / "r.dcm", scan, folder, masks[0], "Heart")
    assert "it outlines 'Heart'" in refused(path, scan)
    assert len(marks_of(path, scan, label="Heart").marks) == 1
    assert "no DICOM series" in refused(path, replace(scan, source_images=(), study_uid=None))


def test_a_report_of_dcmqi_and_its_segmentation(
    tmp_path: Path, scan: CtVolume, folder: Path, masks
) -> None:
    seg = write_dcmqi_seg(tmp_path / "seg.dcm", folder, scan.geometry, masks)
    report = write_dcmqi_report(tmp_path / "sr.dcm", folder, seg, (3000.0, 270.0))
    outlined = marks_of(seg, scan)
    assert outlined.algorithm == "Editor"
    assert np.array_equal(voxels(outlined, scan), masks[0] | masks[1])
    source = open_candidates(report)
    assert source.form == "dicom-sr"
    found = source.marks(scan, lambda done, total: None)
    for mark, mask in zip(found.marks, masks, strict=True):
        center = scan.geometry.index_to_lps(np.argwhere(mask).mean(axis=0))
        assert mark.center_lps_mm == pytest.approx(center, abs=1e-3)
    assert marks_of(report, replace(scan, study_uid="1.9")).marks == ()
    seg.unlink()
    assert "which is not at hand" in refused(report, scan)
    assert "has no labels" in refused(report, scan, label="1")


def test_a_report_in_another_frame_of_reference_is_refused(
    tmp_path: Path, scan: CtVolume, folder: Path
) -> None:
    region = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D.POINT,
        graphic_data=np.array([BIG]),
        frame_of_reference_uid=generate_uid(),
    )
    path = write_highdicom_report(tmp_path / "sr.dcm", sorted(folder.iterdir())[:1], [region])
    assert "another frame of reference" in refused(path, scan)


def predictions(folder: Path, scan: CtVolume, masks, **labels: int) -> Path:
    folder.mkdir()
    described = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **labels},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(described))
    kinds = masks[0] * np.uint8(1) + masks[1] * np.uint8(2)
    write_nifti(folder / "case.nii.gz", kinds, scan.geometry)
    return folder


def test_predictions_of_nnunet_by_the_name_of_the_case(
    tmp_path: Path, scan: CtVolume, masks
) -> None:
    path = predictions(tmp_path / "p", scan, masks, lung_nodule=1, lobe=2)
    for name in ("case", "case_0000"):
        found = marks_of(path, replace(scan, series_uid=name))
        assert np.array_equal(voxels(found, scan), masks[0])
    found = marks_of(path, replace(scan, series_uid="case"), label="lobe")
    assert np.array_equal(voxels(found, scan), masks[1])
    assert open_candidates(path).series_uids == {"case", "case_0000"}
    assert "no prediction of the scan other_0000" in refused(
        path, replace(scan, series_uid="other_0000")
    )


def test_predictions_without_a_label_that_is_a_nodule_are_refused(
    tmp_path: Path, scan: CtVolume, masks
) -> None:
    path = predictions(tmp_path / "p", scan, masks, airway=1, lobe=2)
    assert "it outlines 'airway', 'lobe'" in refused(path, scan)
    shutil.rmtree(path)
    only = predictions(path, scan, (masks[0], masks[1] & False), lesions_of_others=1)
    assert len(marks_of(only, replace(scan, series_uid="case")).marks) == 1
    (path / "dataset.json").write_text('{"labels": {}}')
    assert "'channel_names' is missing" in refused(path, scan)
