"""`nodulus info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nodulus.app.commands.chain_options import models_option, settings_option


@click.command("info")
@models_option
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON, for programs.")
def command(models: Path | None, settings: Path | None, as_json: bool) -> None:
    """Say what this installation is and can do.

    Loads the networks, so that it also shows that they can be. Nothing in it names the machine or
    its user.
    """
    from nodulus.app.installation import describe_installation

    content = describe_installation(models, settings)
    if as_json:
        click.echo(json.dumps(content, indent=2))
        return
    for line in _lines(content):
        click.echo(line)


def _lines(content: dict[str, Any]) -> list[str]:
    machine = content["machine"]
    versions = (f"{name} {version}" for name, version in content["versions"].items())
    system = f"{machine['system']} {machine['machine']}, {machine['cores']} cores"
    if machine["memory_mib"] is not None:
        system += f", {machine['memory_mib'] / 1024:.1f} GiB"
    lines = [
        ", ".join(versions),
        f"Python {machine['python']}, {system}",
        f"Computes on {content['device']} in {content['precision']}",
        f"Devices: {', '.join(content['devices'])}",
        *(
            f"{model['name']} {model['version']}  {model['sha256'][:12]}  {model['trained_on']}"
            for model in content["models"]
        ),
    ]
    chosen = ", ".join(f"{n} {p:g}" for n, p in content["operating_point_choices"].items())
    lines += [f"Operating points of the nodule probability: {chosen}"] if chosen else []
    unread = [s["name"] for s in content["transfer_syntaxes"].values() if not s["readable"]]
    lines.append(f"Transfer syntaxes that nothing here decodes: {', '.join(unread) or 'none'}")
    for name, extra in content["extras"].items():
        missing = ", ".join(extra["missing"])
        state = "complete" if extra["complete"] else f"lacks {missing}"
        lines.append(f"nodulus[{name}]: {state}")
    return lines
