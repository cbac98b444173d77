"""Operating points by name: sensitive, balanced and specific."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from nodulus.app.chain import ChainSettings, Models, analyse, load_settings
from nodulus.app.chain.settings import NamedThreshold
from nodulus.app.commands.operating_point_option import NAMES
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import PointName
from nodulus.app.volume import CtVolume


def test_the_shipped_points_let_more_and_more_pass() -> None:
    thresholds = {
        name: load_settings(operating_point=name).operating_points.nodule.threshold
        for name in ("specific", "balanced", "sensitive")
    }
    assert thresholds["specific"] > thresholds["balanced"] > thresholds["sensitive"] > 0
    shipped = load_settings().operating_points.nodule
    assert (shipped.choice, shipped.threshold) == ("sensitive", thresholds["sensitive"])


def test_a_result_names_its_point() -> None:
    point = load_settings(operating_point="specific").operating_points.nodule
    assert point.choice == "specific"
    assert point.chosen_on


def test_a_name_that_the_settings_do_not_have_is_an_error(tmp_path: Path) -> None:
    points = load_settings().operating_points.model_dump(mode="json", exclude={"nodule_choices"})
    (tmp_path / "operating_points.json").write_text(json.dumps(points))
    with pytest.raises(NodulusError, match="no operating point 'sensitive'") as caught:
        load_settings(tmp_path, operating_point="sensitive")
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    assert load_settings(tmp_path).operating_points.nodule.threshold > 0


def with_choices(settings: ChainSettings, **thresholds: float) -> ChainSettings:
    choices = {n: NamedThreshold(threshold=t, chosen_on="a test") for n, t in thresholds.items()}
    points = settings.operating_points.model_copy(update={"nodule_choices": choices})
    return settings.model_copy(update={"operating_points": points})


def test_what_is_below_the_point_stays_a_candidate(
    volume: CtVolume, models: Models, chain_settings: ChainSettings
) -> None:
    settings = with_choices(chain_settings, sensitive=0.3, specific=0.999)
    found = {
        name: analyse(
            volume,
            models,
            settings.model_copy(update={"operating_points": settings.operating_points.at(name)}),
        )
        for name in ("sensitive", "specific")
    }
    assert len(found["specific"].findings) < len(found["sensitive"].findings)
    places = {name: {c.center_lps_mm for c in own.candidates} for name, own in found.items()}
    assert places["specific"] == places["sensitive"]
    dropped = [c for c in found["specific"].candidates if not c.kept]
    assert any("is below 0.999" in c.reason for c in dropped)


def test_the_command_line_knows_the_same_names() -> None:
    assert get_args(PointName) == NAMES
