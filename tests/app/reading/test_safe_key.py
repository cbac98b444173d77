"""Keys of studies are names of folders and tell no patient."""

from __future__ import annotations

import re

from nodulus.app.reading.safe_key import safe_key, study_key

ALIKE = ["1.2.3", "1.2.3.", ".1.2.3", "1.2.3 ", "1.2.3\0", "1_2", "1 2", "1/2", "1\\2", "1__2",
         "", ".", "..", "study", "ct", "ct~2", "ct 2", "a" * 128, "a" * 129, "a" * 130,
         "CT_M\udcfcller", "CT_M\xfcller", "CT_M_ller"]  # fmt: skip


def test_uids_and_plain_names_stay_as_they_are() -> None:
    for text in ("1.2.826.0.1.3680043.10.474.419639", "case_7", "LIDC-IDRI-0001"):
        assert safe_key(text) == text


def test_keys_are_folder_names_and_no_two_texts_share_one() -> None:
    keys = [safe_key(text) for text in ALIKE]
    assert len(set(keys)) == len(ALIKE)
    assert all(re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._~-]{0,149}", key) for key in keys)


def test_a_study_uid_that_is_a_name_is_not_repeated() -> None:
    assert study_key("1.2.840.1") == "1.2.840.1"
    assert "DOE" not in study_key("DOE^JANE")
    assert len({study_key(text) for text in ("DOE^JANE", "DOE JANE", "1.2", "1.2.", "study")}) == 5
