"""Folders with candidates of many scans, and the objects that come with a study."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from skimage.measure import find_contours

from nodulus.app.candidates import open_candidates
from nodulus.app.candidates.candidate_folder import CandidateFolder
from nodulus.app.candidates.candidate_options import CandidateOptions
from nodulus.app.errors import NodulusError
from nodulus.app.marks import OtherCandidates
from nodulus.app.reading import find_studies, load_volume
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import around_the_nodules, ball, write_nifti, write_seg, write_table
from tests.app.data.masks.dicom_masks import write_rtstruct
from tests.app.other_tools import write_highdicom_report, write_slicer_segmentation
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]


@pytest.fixture(scope="module")
def images(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    part = around_the_nodules(volume)
    first = part.geometry.affine_lps[:3, 3]
    folder = tmp_path_factory.mktemp("scan") / "ct"
    return write_series(folder, part.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)


@pytest.fixture(scope="module")
def scan(images: list[Path]) -> CtVolume:
    return load_volume(images[0].parent)


def of_another_study(dataset: Dataset) -> None:
    dataset.StudyInstanceUID = "1.2.840.99"


def places(others: OtherCandidates, scan: CtVolume) -> dict[str, list[tuple[float, ...]]]:
    """The centres that each source of a scan marks, rounded to mm."""
    found, _ = others.of_scan(scan)
    return {
        one.name: [
            tuple(round(v) for v in mark.center_lps_mm)
            for mark in one.marks(scan, lambda _done, _total: None).marks
        ]
        for one in found
    }


def write_structure_set(path: Path, images: list[Path], mask: np.ndarray, scan: CtVolume) -> None:
    """An RT Structure Set with one GTV around a mask."""
    first = dcmread(images[0])
    curves = []
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        for outline in find_contours(np.pad(mask[index], 1).astype(float), 0.5):
            points = np.column_stack([np.full(len(outline), index), outline - 1])
            curves.append(scan.geometry.index_to_lps(points))
    write_rtstruct(
        path, [("GTV", "GTV", curves)], frame=first.FrameOfReferenceUID, series=scan.series_uid
    )
    dataset = dcmread(path)
    dataset.StudyInstanceUID = scan.study_uid
    dataset.save_as(path)


def near(lps_mm: tuple[float, ...]) -> Any:
    return pytest.approx(lps_mm, abs=1.5)


@pytest.mark.parametrize(
    "where", ["{series}.nii.gz", "{study}.nii.gz", "{series}/labels.nii.gz", "a/{study}/b/x.nii.gz"]
)
def test_a_label_image_is_of_the_scan_that_it_or_a_folder_names(
    tmp_path: Path, scan: CtVolume, where: str
) -> None:
    path = tmp_path / where.format(series=scan.series_uid, study=scan.study_uid)
    other = tmp_path / "1.2.3" / "labels.nii.gz"
    for one, center in ((path, BIG), (other, SMALL)):
        one.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(one, ball(scan.geometry, center, 6.0).astype(np.uint8), scan.geometry)
    folder = open_candidates(tmp_path, "net")
    assert isinstance(folder, CandidateFolder)
    assert folder.has(scan.series_uid, scan.study_uid)
    assert not folder.has("9.9", "9.8")
    assert places(OtherCandidates([folder]), scan) == {"net": [near(BIG)]}


def test_objects_of_every_form_are_found_by_study_and_are_sources_of_their_own(
    tmp_path: Path, images: list[Path], scan: CtVolume
) -> None:
    big, small = ball(scan.geometry, BIG, 8.0), ball(scan.geometry, SMALL, 4.0)
    write_seg(tmp_path / "0a.dcm", images, {"nodule": big})
    write_seg(tmp_path / "0b.dcm", images, {"nodule": small}, edit=of_another_study)
    seg = write_seg(tmp_path / "0c.dcm", images, {"nodule": small})
    write_slicer_segmentation(
        tmp_path / f"{scan.series_uid}.seg.nrrd", scan.geometry, {"nodule": small}
    )
    found = places(OtherCandidates([open_candidates(tmp_path, "net")]), scan)
    assert found == {"net": [near(BIG)], "net 2": [near(SMALL)], "net 3": [near(SMALL)]}
    # Of several series of a study the masks of this one count.
    moved = dcmread(seg)
    moved.ReferencedSeriesSequence[0].SeriesInstanceUID = generate_uid()
    moved.save_as(seg)
    found = places(OtherCandidates([open_candidates(tmp_path, "net")]), scan)
    assert found == {"net": [near(BIG)], "net 2": [near(SMALL)]}


def test_a_scan_without_a_file_is_warned_of_and_a_ct_among_the_files_is_none(
    tmp_path: Path, scan: CtVolume
) -> None:
    write_nifti(tmp_path / f"{scan.series_uid}.nii.gz", scan.hu, scan.geometry)
    sources, warnings = OtherCandidates([open_candidates(tmp_path, "net")]).of_scan(scan)
    assert not sources
    assert [(w.code, "'net' have no file" in w.message) for w in warnings] == [
        ("candidates-none", True)
    ]


def test_a_file_that_comes_later_is_found(tmp_path: Path, scan: CtVolume) -> None:
    mask = ball(scan.geometry, BIG, 6.0).astype(np.uint8)
    write_nifti(tmp_path / "1.2.3.nii.gz", mask, scan.geometry)
    others = OtherCandidates([open_candidates(tmp_path, "net")])
    assert places(others, scan) == {}
    write_nifti(tmp_path / f"{scan.series_uid}.nii.gz", mask, scan.geometry)
    assert places(others, scan) == {"net": [near(BIG)]}


def test_a_folder_without_candidates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(NodulusError, match="nor one with files of candidates"):
        open_candidates(tmp_path)


def test_the_objects_of_a_study_that_mark_nodules_are_sources(
    tmp_path: Path, images: list[Path], scan: CtVolume
) -> None:
    big = ball(scan.geometry, BIG, 8.0)
    study = tmp_path / "study"
    study.mkdir()
    for image in images:
        (study / image.name).symlink_to(image)
    write_seg(study / "organs.dcm", images, {"lung": big, "vessel": big})

    def ours(dataset: Dataset) -> None:
        dataset.Manufacturer = "Nodulus"

    write_seg(study / "ours.dcm", images, {"nodule": big}, edit=ours)
    write_seg(study / "seg.dcm", images, {"nodule": big})
    write_structure_set(study / "rt.dcm", images, big, scan)
    (found,) = find_studies(study).studies
    assert {path.name for path in found.objects} == {"organs.dcm", "seg.dcm", "rt.dcm"}
    others = pickle.loads(pickle.dumps(CandidateOptions(of_study=True))).open()
    assert places(others, scan) == {}
    others = others.with_objects(found.objects)
    assert places(others, scan) == {"study": [near(BIG)], "study 2": [near(BIG)]}
    assert others.of_scan(scan)[1] == []


def test_an_object_of_a_study_that_cannot_be_used_is_warned_of(
    tmp_path: Path, images: list[Path], scan: CtVolume
) -> None:
    def elsewhere(dataset: Dataset) -> None:
        dataset.FrameOfReferenceUID = generate_uid()

    mask = {"nodule": ball(scan.geometry, BIG, 8.0)}
    seg = write_seg(tmp_path / "seg.dcm", images, mask, edit=elsewhere)
    for quiet in (False, True):
        options = CandidateOptions(of_study=True, deidentify=quiet)
        sources, warnings = options.open().with_objects([seg]).of_scan(scan)
        assert not sources
        assert [w.code for w in warnings] == ["candidates-not-used", "candidates-none"]
        assert ("frame of reference" in warnings[0].message) is not quiet


def test_of_a_report_that_came_with_the_study_only_what_it_calls_a_nodule(
    tmp_path: Path, images: list[Path], scan: CtVolume
) -> None:
    region = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D.POINT,
        graphic_data=np.array([BIG]),
        frame_of_reference_uid=dcmread(images[0]).FrameOfReferenceUID,
    )
    report = write_highdicom_report(tmp_path / "sr.dcm", images[:1], [region])
    of_study = CandidateOptions(of_study=True).open()
    assert places(of_study.with_objects([report]), scan) == {"study": [near(BIG)]}
    unnamed = dcmread(report)
    for item in unnamed.iterall():
        if item.keyword == "ConceptCodeSequence" and item.value[0].CodeMeaning == "Nodule":
            item.value[0].CodeValue, item.value[0].CodeMeaning = "15825003", "Aorta"
    unnamed.save_as(report)
    assert places(of_study.with_objects([report]), scan) == {}
    assert places(OtherCandidates([open_candidates(report, "sr")]), scan) == {"sr": [near(BIG)]}


def test_another_file_in_the_folder_is_another_run(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", [("1.2", *BIG, 0.5)])
    (tmp_path / "d").mkdir()
    prints = set()
    for text in ("1", "22"):
        (tmp_path / "d" / "x.mrk.json").write_text(text)
        for given in ((str(tmp_path / "a.csv"),), (str(tmp_path / "d"),)):
            prints.add(CandidateOptions(given).fingerprint())
    assert len(prints) == 3
