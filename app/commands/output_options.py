"""The options that say which files a study's result consists of, for any command."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_args, get_type_hints

import click

from nodulus.app.results.options import OutputOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def output_options(without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Give a decorator that adds one option for each field of `OutputOptions`.

    What is made by default can be left out (``--seg/--no-seg``); what is not is a flag.

    Args:
        without: fields that the command has no option for.
    """

    def add(command: Command) -> Command:
        types = get_type_hints(OutputOptions)
        for field in reversed(fields(OutputOptions)):
            if field.name in without:
                continue
            name = "--" + field.name.replace("_", "-")
            more: dict[str, Any] = {"default": field.default, "help": field.metadata["help"]}
            if choices := get_args(types[field.name]):
                more |= {"type": click.Choice(choices), "show_default": True}
            elif field.default:
                name += f"/--no-{field.name.replace('_', '-')}"
            else:
                more["is_flag"] = True
            command = click.option(name, field.name, **more)(command)
        return command

    return add


def taken(given: Mapping[str, Any], **fixed: Any) -> OutputOptions:
    """Give the options of a call.

    Args:
        given: the command's parameters, by name; others than those of `OutputOptions` are passed
            over.
        fixed: fields that the command has no option for.
    """
    names = {field.name for field in fields(OutputOptions)}
    return OutputOptions(**{n: v for n, v in given.items() if n in names}, **fixed)
