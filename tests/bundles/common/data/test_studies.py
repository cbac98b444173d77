"""Training data folders are read, and what is wrong in them is named."""

from __future__ import annotations

import pytest

from nodulus.bundles.common.data.studies import read_data_dir, read_data_dirs
from nodulus.bundles.common.data.tables import read_annotations, read_candidates


def test_reads_everything_that_is_there(fake_data):
    studies = read_data_dir(fake_data)
    assert [s.series_uid for s in studies] == [f"1.2.3.0.{i}" for i in range(4)]
    first = studies[0]
    assert first.patient_id == "P0-0"
    assert first.mask is not None
    assert first.mask.exists()
    assert [n.malignancy for n in first.nodules] == [2.0, 4.0]
    assert [n.label for n in first.nodules] == [1, 2]
    assert [c.is_nodule for c in first.candidates] == [True, False, False] * 2


def test_luna16_as_downloaded_reads_too(other_data):
    for name in ("nodules.csv", "studies.csv"):
        (other_data / name).unlink()
    studies = read_data_dir(other_data / "luna16")
    assert [len(s.nodules) for s in studies] == [2, 2]
    assert studies[0].patient_id == studies[0].series_uid
    assert studies[0].mask is None
    assert studies[0].nodules[0].malignancy is None


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no luna16/subset"):
        read_data_dir(tmp_path)


def test_a_series_in_two_folders_is_refused(fake_data):
    with pytest.raises(ValueError, match="4 series are in more than one"):
        read_data_dirs([fake_data, fake_data])


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "annotations.csv"
    path.write_text("seriesuid,coordX,coordY\n")
    with pytest.raises(ValueError, match=r"annotations.csv: columns \['coordZ', 'diameter_mm'\]"):
        read_annotations(path)


def test_a_number_that_is_none_is_named(tmp_path):
    path = tmp_path / "candidates_V2.csv"
    path.write_text("seriesuid,coordX,coordY,coordZ,class\n1.2,a,2,3,1\n")
    with pytest.raises(ValueError, match="'a' in column coordX is not a number"):
        read_candidates(path)
