"""One list of options for the command line, app.yaml, mercure and the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from nodulus.app.commands import detect, node
from nodulus.app.commands.output_options import taken
from nodulus.app.deploy.containers.mercure_settings import MercureSettings
from nodulus.app.results.options import OutputOptions

APP_YAML = Path(__file__).parents[2] / "app" / "deploy" / "app.yaml"
DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(OutputOptions)}


def of_command(command: click.Command) -> dict[str, Any]:
    """A command's options that are fields of `OutputOptions`, with what they are by default."""
    context = click.Context(command)
    return {
        parameter.name: parameter.get_default(context)
        for parameter in command.params
        if parameter.name in DEFAULTS
    }


def test_all_four_have_the_same_options_and_defaults() -> None:
    assert of_command(detect.command) == DEFAULTS
    assert yaml.safe_load(APP_YAML.read_text())["results"] == DEFAULTS
    mercure = {
        field.name: getattr(MercureSettings(), field.name) for field in fields(OutputOptions)
    }
    assert mercure == DEFAULTS
    assert MercureSettings().output_options() == OutputOptions()
    ours = of_command(node.command)
    assert ours == {n: v for n, v in DEFAULTS.items() if n not in node.NOT_DELIVERED}
    assert set(node.NOT_DELIVERED) < set(DEFAULTS)


def test_every_option_has_a_help_text_and_a_name_like_the_field() -> None:
    for command in (detect.command, node.command):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name in DEFAULTS:
                assert parameter.help
                assert parameter.opts == ["--" + parameter.name.replace("_", "-")]
                on_by_default = DEFAULTS[parameter.name] is True
                assert parameter.secondary_opts == (
                    ["--no-" + parameter.name.replace("_", "-")] if on_by_default else []
                )


@pytest.mark.parametrize("name", [n for n, v in DEFAULTS.items() if isinstance(v, bool)])
def test_each_option_arrives_from_everywhere(name: str) -> None:
    other: Mapping[str, Any] = {name: not DEFAULTS[name]}
    expected = OutputOptions(**other)
    flag = name.replace("_", "-")
    context = detect.command.make_context(
        "detect", ["in", "-o", "out", f"--no-{flag}" if DEFAULTS[name] else f"--{flag}"]
    )
    assert taken(context.params) == expected
    settings = TypeAdapter(MercureSettings).validate_python(other)
    assert settings.output_options() == expected


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="pdf is true or false"):
        OutputOptions(pdf=value)


def test_mercure_s_settings_keep_their_types() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(MercureSettings).validate_python({"seg_type": "labelmap"})
