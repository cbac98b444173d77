"""The masks of a series are found, and which structures of them are nodules."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from nodulus.app.data.masks.find_masks import MaskKind, find_mask_files
from nodulus.app.data.masks.structures import Structure, choose_structures

from .dicom_masks import ct_images, save, source, two_balls, write_rtstruct, write_seg
from .test_seg_reader import NODULE


def test_masks_are_found_by_the_series_that_they_name(tmp_path: Path) -> None:
    first, _ = two_balls()
    write_seg(tmp_path / "a.dcm", [("Nodule", NODULE, first)])
    write_rtstruct(tmp_path / "b", [])
    write_rtstruct(tmp_path / "c.dcm", [], series=generate_uid())
    write_rtstruct(tmp_path / "d.dcm", [], series=None)
    write_rtstruct(tmp_path / "e.dcm", [], series=None, frame=generate_uid())
    save(ct_images()[0], tmp_path / "ct.dcm")
    (tmp_path / "notes.txt").write_text("nothing")
    files = find_mask_files(sorted(tmp_path.iterdir()))
    assert [file.path.name for file in files] == ["a.dcm", "b", "c.dcm", "d.dcm", "e.dcm"]
    assert [file.kind for file in files] == [MaskKind.SEG, *[MaskKind.RTSTRUCT] * 4]
    own = source()
    assert [file.path.name for file in files if own.series_uid in file.series_uids] == [
        "a.dcm",
        "b",
    ]
    # d names no series, and lies in the same frame of reference
    lies_there = [own.frame_of_reference_uid in file.frame_of_reference_uids for file in files]
    assert lies_there == [True, True, True, True, False]


def test_a_file_reads_itself(tmp_path: Path) -> None:
    first, _ = two_balls()
    write_seg(tmp_path / "a.dcm", [("Nodule", NODULE, first)])
    (file,) = find_mask_files(tmp_path.iterdir())
    (mask,) = file.read(source())
    assert mask.mask.sum() == first.sum()


def test_a_seg_without_references_is_matched_by_frame_of_reference(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "a.dcm", [("Nodule", NODULE, two_balls()[0])])
    seg = pydicom.dcmread(path)
    del seg.ReferencedSeriesSequence
    seg.save_as(path)
    (file,) = find_mask_files([path])
    assert file.series_uids == frozenset()
    assert file.frame_of_reference_uids == {source().frame_of_reference_uid}


@pytest.mark.parametrize(
    ("name", "is_nodule", "expected"),
    [
        ("Nodule 1", None, True),
        ("lung_nodule", None, True),
        ("Tumour bed", None, True),
        ("GTV primary", None, True),
        ("Lungs", None, False),
        ("Lungs-GTV", None, False),
        ("lung minus GTV", None, False),
        ("Massive effusion", None, False),
        ("something", True, True),
        ("Nodule-free lung", False, False),
    ],
)
def test_names_and_codes_say_what_a_nodule_is(
    name: str, is_nodule: bool | None, expected: bool
) -> None:
    assert Structure(1, name, "", is_nodule).looks_like_nodule is expected


def test_patterns_take_the_place_of_names_and_codes() -> None:
    structures = [Structure(k, name, "", True) for k, name in enumerate(["A1", "A2", "B1"])]
    assert [s.name for s in choose_structures(structures, ["a*"], Path("x"))] == ["A1", "A2"]
    with pytest.raises(ValueError, match="nothing in it is named C or D; it outlines 'A1', 'A2'"):
        choose_structures(structures, ["C", "D"], Path("x"))
