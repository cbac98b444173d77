"""The page of a follow-up."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nodulus.app.followup.compare import compare
from nodulus.app.followup.page import build_page
from nodulus.app.followup.pair_pictures import pair_pictures
from tests.app.followup.test_compare import CENTRES, LIMITS, scan


def test_both_scans_are_shown_side_by_side_and_the_answer_comes_first():
    prior, current = scan({0: 200.0, 1: 90.0}), scan({0: 400.0, 2: 80.0}, day=365)
    found = compare(prior, current, LIMITS)
    pictures = pair_pictures(prior, current, found)
    page = build_page(found, pictures)
    assert len(pictures) == len(found.nodules) == 3
    assert page.index("1 grown, 1 new, 1 not found") < page.index("<section")
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "365 days (" in page
    assert "stable: changed by +0.0 mm" in page
    described = re.findall(r'alt="([^"]+)"', page)
    assert [text.split(",")[0] for text in described[:2]] == [
        "Nodule 1 on the prior scan", "Nodule 1 on the current scan"
    ]  # fmt: skip
    assert any(text.startswith("The place of the nodule on the current") for text in described)


def test_both_pictures_of_a_nodule_show_one_place_at_one_scale():
    one = scan({0: 200.0})
    found = compare(one, scan({0: 200.0}, day=9), LIMITS)
    before, now = pair_pictures(one, scan({0: 200.0}, day=9), found)[0]
    np.testing.assert_array_equal(np.asarray(before.base), np.asarray(now.base))
    grey = np.asarray(before.base, dtype=float)
    # the picture's middle is the nodule's place: its value in the scan, in the lung window
    value = one.volume.hu[CENTRES[0]]
    shown = (grey[127:129, 127:129].mean() / 255 - 0.5) * 1500 - 600
    assert abs(shown - np.clip(value, -1350, 150)) < 250


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("1 gewachsen, 1 neu, 1 nicht gefunden", "365 Tage (", "Verdopplungszeit")),
        ("fr", ("1 augmenté, 1 nouveau, 1 non retrouvé", "365 jours (", "Temps de doublement")),
        ("es", ("1 crecido, 1 nuevo, 1 no encontrado", "365 días (", "Tiempo de duplicación")),
    ],
)
def test_the_page_speaks_other_languages(language, words):
    prior, current = scan({0: 200.0, 1: 90.0}), scan({0: 400.0, 2: 80.0}, day=365)
    found = compare(prior, current, LIMITS)
    page = build_page(found, [(None, None)] * 3, language)
    assert f'<html lang="{language}">' in page
    assert all(word in page for word in words)
    for english in ("grown", "days apart", "Doubling time", "Outside of this scan", "Research"):
        assert f">{english}" not in page


def test_a_place_outside_of_a_scan_is_said():
    prior, current = scan({0: 200.0, 1: 90.0}), scan({0: 200.0}, day=9)
    found = compare(prior, current, LIMITS)
    away = found.nodules[1].other_scan.model_copy(update={"inside_scan": False})
    nodules = (found.nodules[0], found.nodules[1].model_copy(update={"other_scan": away}))
    found = found.model_copy(update={"nodules": nodules})
    pictures = pair_pictures(prior, current, found)
    assert pictures[1][1] is None
    assert "Outside of this scan" in build_page(found, pictures)
