"""Checks the command line of `monai.bundle run` before any work.

MONAI takes any key: a mistyped one (``--step`` for ``--steps``) would start the run with the
config's own value. And what is wrong with a folder shows late, far above a parser's traceback.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow, run

_FOLDERS = ("dataset_dir", "data_dirs", "validation_dirs", "test_dirs")
"""Keys whose values are folders that must be there: one, or a list."""
_OF_TRACKING = {"tracking_uri", "experiment_name", "run_name", "save_execute_config"}
"""Settings of MONAI's own tracking (`--tracking mlflow`)."""


def check_arguments(arguments: Sequence[str] | None = None) -> None:
    """End the process where a key is unknown to MONAI and the configs, or a folder is not there.

    Args:
        arguments: what ``python -m monai.bundle`` was given; None for this process's own, where it
            is one. Another way to start a bundle has none.

    Raises:
        SystemExit: with a line that names the key, and those that are like it.
    """
    if arguments is None:
        if Path(sys.argv[0]).parts[-3:] != ("monai", "bundle", "__main__.py"):
            return
        arguments = sys.argv[1:]
    given = _keys(arguments)
    settings = dict(given)
    if args_file := given.get("args_file"):
        settings |= json.loads(Path(args_file).read_text(encoding="utf-8"))
    named = settings.get("config_file")
    if not named:
        return
    known = {*inspect.signature(run).parameters, *inspect.signature(ConfigWorkflow).parameters}
    known |= set(ConfigParser.load_config_files(_files(named)))
    if "tracking" in settings:
        known |= _OF_TRACKING
    for key in given:
        first = key.replace("::", "#").partition("#")[0]
        if first not in known:
            like = difflib.get_close_matches(first, known, n=3)
            hint = f" Did you mean {' or '.join(f'--{one}' for one in like)}?" if like else ""
            raise SystemExit(f"error: no config has the key --{first}, so nothing was run.{hint}")
    for key in _FOLDERS:
        for folder in _folders(settings.get(key)):
            if not folder or not Path(folder).is_dir():
                raise SystemExit(f"error: --{key} {folder!r}: there is no such folder.")


def _keys(arguments: Sequence[str]) -> dict[str, str]:
    """The keys with their values; of one without a value the value is empty."""
    found: dict[str, str] = {}
    key = None
    for word in arguments:
        if word.startswith("--"):
            key, _, value = word[2:].partition("=")
            found[key] = value
        elif key is not None and not found[key]:
            found[key] = word
    return found


def _files(named: Any) -> Any:
    """One path, or the paths of a list as the command line has it."""
    if isinstance(named, str) and named.lstrip().startswith(("[", "(")):
        return list(ast.literal_eval(named))
    return named


def _folders(value: Any) -> list[str]:
    """The folders that a key names; none where it names none, or a config is to say it."""
    named = _files(value)
    if named is None:
        return []
    listed = list(named) if isinstance(named, (list, tuple)) else [str(named)]
    return [str(one) for one in listed if not str(one).startswith(("$", "@", "%"))]
