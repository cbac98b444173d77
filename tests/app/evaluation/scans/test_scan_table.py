"""The table of scans and their lesions, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.scans.scan_table import ScanRow, read_scan_table, row_of


def test_rows_and_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text("seriesuid,patient,marked,use\na,P1,partly,test\nb,,,\n")
    table = read_scan_table(path)
    assert table["a"] == ScanRow("a", "P1", is_complete=False, use="test")
    assert table["b"] == ScanRow("b", "b", is_complete=True, use="validation")
    assert row_of("c", table) == ScanRow("c", "c")
    assert read_scan_table(None) == {}


def test_the_list_of_patients_settles_the_use(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text("seriesuid,patient\na,LUNG1-002\nb,LIDC-IDRI-0001\nc,someone\n")
    table = read_scan_table(path)
    assert [table[uid].use for uid in "abc"] == ["test", "training", "validation"]
    assert row_of("LUNG1-002", {}).use == "test"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient\nP1\n", "no column seriesuid"),
        ("seriesuid,marked\na,some\n", "row 2: marked must be"),
        ("seriesuid,use\na,training\nb,other\n", "row 3: use must be"),
        ("seriesuid,use\n,training\n", "row 2 has no seriesuid"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "scans.csv"
    path.write_text(text)
    with pytest.raises(NodulusError, match=words):
        read_scan_table(path)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match="no such file"):
        read_scan_table(tmp_path / "scans.csv")
