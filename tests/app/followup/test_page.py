"""The page of a follow-up."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.followup.compare import compare
from nodulus.app.followup.page import build_page
from nodulus.app.followup.pair_pictures import pair_pictures
from nodulus.app.followup.result import (
    DoublingTime,
    FollowUp,
    NoduleChange,
    NoduleOnScan,
    OtherScanTrace,
    ScanOfPair,
)
from nodulus.app.result import ResultWarning
from nodulus.app.results.colors import finding_rgb
from tests.app.followup.test_compare import CENTRES, LIMITS, displaced, scan


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


def on(number: int, volume_mm3: float, mean_mm: float) -> NoduleOnScan:
    return NoduleOnScan(
        finding_id=number,
        center_lps_mm=(1.0, 2.0, 3.0),
        volume_mm3=volume_mm3,
        mean_diameter_mm=mean_mm,
        longest_diameter_mm=mean_mm + 1,
    )


def seen(probability: float, *, below: bool = False, inside: bool = True) -> OtherScanTrace:
    return OtherScanTrace(
        center_lps_mm=(1.0, 2.0, 3.0),
        segmentation_probability=probability,
        below_threshold=below,
        inside_scan=inside,
    )


def told(day: str | None) -> ScanOfPair:
    return ScanOfPair(
        study_uid=None,
        series_uid="1.2",
        acquired=day,
        spacing_irc_mm=(1.0, 1.0, 1.0),
        convolution_kernel=None,
    )


FOLLOWED = FollowUp(
    nodulus_version="0.1.0",
    created="2025-01-31T12:34:56+00:00",
    prior=told("2024-02-03"),
    current=told("2024-08-09"),
    days=188.0,
    lung_overlap=0.87,
    repeatability_source="two measurements",
    nodules=(
        NoduleChange(
            state="no proven change",
            reason="the measures do not agree (volume: grown; mean diameter: shrunk)",
            prior=on(4, 1200.4, 13.2),
            current=on(2, 1803.6, 11.9),
            ambiguous=True,
            volume_change_share=0.5025,
            mean_diameter_change_mm=-1.3,
            lung_rads_reason="both scans are of one day",
        ),
        NoduleChange(
            state="grown",
            prior=on(1, 100.0, 5.8),
            current=on(3, 180.0, 7.1),
            volume_change_share=0.8,
            mean_diameter_change_mm=1.3,
            doubling_time=DoublingTime(days=221.7, shortest_days=153.2, longest_days=401.6),
            lung_rads_growth="stable",
            lung_rads_reason="changed by +1.3 mm",
        ),
        NoduleChange(state="new", current=on(5, 66.0, 5.0), other_scan=seen(0.21)),
        NoduleChange(
            state="below the threshold now",
            prior=on(6, 70.0, 5.2),
            other_scan=seen(0.34, below=True),
        ),
        NoduleChange(state="not found", prior=on(7, 71.0, 5.3), other_scan=seen(0.0, inside=False)),
        NoduleChange(state="merged", prior=on(8, 72.0, 5.4), merged_with=3, other_scan=seen(0.95)),
    ),
    warnings=(
        ResultWarning(code="thick-slices", message="Slices of 3 mm are too thick."),
        ResultWarning(code="no-doubling-time", message="No doubling times: a reason."),
    ),
)


def sections(page: str) -> list[tuple[str, dict[str, str]]]:
    """Each nodule's heading, and what stands under its names."""

    def words(html: str) -> str:
        plain = unescape(re.sub(r"<[^>]+>", " ", html))
        return " ".join(plain.replace("\N{NARROW NO-BREAK SPACE}", " ").split())

    found = []
    for part in re.findall(r"<section.*?</section>", page, flags=re.DOTALL):
        (head,) = re.findall(r"<header>.*?</header>", part, flags=re.DOTALL)
        pairs = re.findall(r"<dt>(.*?)</dt><dd.*?>(.*?)</dd>", part, flags=re.DOTALL)
        found.append((words(head), {words(name): words(value) for name, value in pairs}))
    return found


def test_every_number_and_every_doubt_stands_in_its_own_place():
    page = build_page(FOLLOWED, [(None, None)] * 6)
    before, now = "Prior: mean diameter, volume", "Current: mean diameter, volume"
    other, none = "On the other scan", "\N{EN DASH}"
    assert sections(page) == [
        ("Nodule 1 then, 3 now grown", {
            before: "5.8 mm, 100 mm³", now: "7.1 mm, 180 mm³", "Change": "+1.3 mm, +80 %",
            "Doubling time (95 %)": "222 days (153 to 402)",
            "Lung-RADS v2022": "stable: changed by +1.3 mm",
        }),
        ("Nodule 5 now new", {
            before: none, now: "5.0 mm, 66 mm³", other: "not seen (segmentation 0.21)",
        }),
        ("Nodule 8 then merged", {
            before: "5.4 mm, 72 mm³", now: none, "Now part of": "nodule 3",
            other: "not seen (segmentation 0.95)",
        }),
        ("Nodule 4 then, 2 now no proven change ambiguous match: needs a reader", {
            before: "13.2 mm, 1,200 mm³", now: "11.9 mm, 1,804 mm³", "Change": "-1.3 mm, +50 %",
            "Doubling time (95 %)": "not given",
            "Lung-RADS v2022": "growth not told: both scans are of one day",
            "Not proven": "the measures do not agree (volume: grown; mean diameter: shrunk)",
        }),
        ("Nodule 6 then below the threshold now", {
            before: "5.2 mm, 70 mm³", now: none,
            other: "seen, below the threshold (segmentation 0.34)",
        }),
        ("Nodule 7 then not found", {
            before: "5.3 mm, 71 mm³", now: none,
            other: "its place is outside of it (segmentation 0.00)",
        }),
    ]  # fmt: skip
    assert "2024-02-03 to 2024-08-09, 188 days apart" in page
    notes = page[page.index('class="notes"') : page.index("<section")]
    for warning in FOLLOWED.warnings:
        assert warning.message in notes
    assert "two measurements" in page
    assert "0.87" in page


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_doubts_are_said_in_every_language(language):
    page = build_page(FOLLOWED, [(None, None)] * 6, language)
    for one in FOLLOWED.nodules:
        if one.reason:
            assert one.reason in page
    for warning in FOLLOWED.warnings:
        assert warning.message in page


def test_each_nodule_is_drawn_from_its_own_scan_around_its_own_place():
    prior, current = scan({0: 200.0, 1: 90.0}), displaced(scan({0: 200.0, 3: 80.0}, day=9))
    found = compare(prior, current, LIMITS)
    assert [one.state for one in found.nodules] == ["no proven change", "new", "not found"]
    pictures = pair_pictures(prior, current, found)
    for change, pair in zip(found.nodules, pictures, strict=True):
        for which, of_scan, picture in zip(
            ("prior", "current"), (prior, current), pair, strict=True
        ):
            nodule = getattr(change, which)
            center = nodule.center_lps_mm if nodule else change.other_scan.center_lps_mm
            index = of_scan.volume.geometry.lps_to_index(center)
            hu = ndimage.map_coordinates(
                of_scan.volume.hu.astype(float), np.reshape(index, (3, 1)), order=1
            )[0]
            grey = np.asarray(picture.base, dtype=float)[127:129, 127:129].mean()
            assert abs(grey / 255 * 1500 - 1350 - np.clip(hu, -1350, 150)) < 40
            # A finding is outlined in its own colour; a place alone is not.
            outline = np.asarray(picture.outline)
            drawn = {tuple(v) for v in outline[outline[..., 3] == 255][:, :3].tolist()}
            assert drawn == ({finding_rgb(nodule.finding_id)} if nodule else set())
