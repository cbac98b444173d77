"""Where a finding lies, in words and codes."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes as dictionary

from nodulus.app.result import LobeName, SideName
from nodulus.app.results import codes
from nodulus.app.results.wording import place_words
from tests.app.results.test_summary_lines import finding

PLACES: dict[tuple[SideName | None, LobeName | None, tuple[LobeName, ...]], str] = {
    (None, None, ()): "",
    ("left", None, ()): "left lung",
    ("left", "upper", ()): "left upper lobe",
    ("left", "lower", ("lower",)): "left lower lobe",
    ("left", None, ("upper", "lower")): "left lung",
    ("right", "middle", ("middle",)): "right middle lobe",
    ("right", None, ("upper", "middle")): "right upper or middle lobe",
    ("right", None, ("middle", "lower")): "right middle or lower lobe",
    ("right", None, ("upper", "lower")): "right upper or lower lobe",
    ("right", None, ("upper", "middle", "lower")): "right lung",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_names_the_lobes_unless_all_are_possible(place) -> None:
    laterality, lobe, possible = place
    one = finding(1, laterality=laterality, lobe=lobe, possible_lobes=possible)
    assert place_words(one) == PLACES[place]


def test_lobes_have_the_codes_of_the_standard() -> None:
    standard = {
        "upper": dictionary.cid6170.UpperLobeOfLung,
        "middle": dictionary.cid6170.MiddleLobeOfRightLung,
        "lower": dictionary.cid6170.LowerLobeOfLung,
        None: dictionary.cid6202.Lung,
    }
    for lobe, code in standard.items():
        ours = codes.region_code(lobe)
        assert (ours.value, ours.scheme_designator, ours.meaning) == (
            code.value, code.scheme_designator, code.meaning,
        )  # fmt: skip
