"""Every shell command of the documentation: it exists, and so do its options and files.

What a command must fulfil follows from its first words (``CHECKS``). A command that none of them
knows fails, so that a new one needs a check or a stated reason here. Those that a study or a few
training steps are enough for are run for real in ``test_shell_runs.py``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise

import click
import pytest
from monai import bundle
from monai.bundle import ConfigParser

from nodulus.app.commands.root import cli
from tests.docs.shell_blocks import REPOSITORY, Block, Command, blocks, commands

LANGUAGES = {"bash", "python", "text", "json", "yaml", "csv"}
SHELL = [block for block in blocks() if block.language == "bash"]
COMMANDS = [command for block in SHELL for command in commands(block)]


def options(words: tuple[str, ...]) -> list[str]:
    return [re.split(r"=", word)[0] for word in words if re.match(r"-{1,2}[A-Za-z]", word)]


def is_a_make_target(words: tuple[str, ...]) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for word in words[1:]:
        name, given, _ = word.partition("=")
        pattern = rf"(?m)^{name}\s*\?=" if given else rf"(?m)^{name}:"
        assert re.search(pattern, makefile), f"the Makefile has no {name}"


def is_a_nodulus_command(words: tuple[str, ...]) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="nodulus")
    rest = list(words[1:])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, f"no such command: {rest[0]}"
        context = click.Context(found, info_name=rest.pop(0), parent=context)
        command = found
    values, _, order = command.make_parser(context).parse_args(rest)
    for param in command.params:
        value = values.get(param.name)
        assert not param.required or value, f"{param.name} is required"
        if isinstance(param.type, click.Choice | click.types.IntParamType) and param in order:
            for one in value if isinstance(value, list | tuple) else [value]:
                param.type.convert(one, param, context)


def is_a_bundle_command(words: tuple[str, ...]) -> None:
    called, rest = words[3], words[4:]
    accepted = set(inspect.signature(getattr(bundle, called)).parameters)
    given: dict[str, str] = {}
    if not rest[0].startswith("--"):
        given["run_id"], rest = rest[0], rest[1:]
    given |= {name.removeprefix("--"): v for name, v in zip(rest[::2], rest[1::2], strict=True)}
    config = ConfigParser()
    for name in ("config_file", "meta_file", "ckpt_file", "args_file"):
        text = given.get(name, "").replace("$BUNDLES", "bundles")
        for path in re.findall(r"[\w./$-]+", text):
            assert (REPOSITORY / path).is_file(), f"there is no {path}"
        if name == "config_file":
            config.read_config([str(REPOSITORY / p) for p in re.findall(r"[\w./-]+", text)])
    if called == "run":
        accepted |= set(config.get())
    assert set(given) <= accepted, f"unknown: {set(given) - accepted}"
    assert given.get("run_id", "run") in accepted | {"run"}


@functools.cache
def help_of(*program: str) -> str:
    """What a program prints about itself; several commands of the pages have the same one.

    It runs in this process, which has imported what takes a process of its own its time.
    """
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", [program[-1], "--help"])
        patch.setattr(sys, "path", [str((REPOSITORY / program[-1]).parent), *sys.path])
        with pytest.raises(SystemExit) as end:
            run_as_program(program)
    assert not end.value.code
    return printed.getvalue()


def run_as_program(program: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it may have been imported before
        if program[0] == "-m":
            runpy.run_module(program[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(REPOSITORY / program[0]), run_name="__main__")


def prints_its_options(words: tuple[str, ...]) -> None:
    end = 3 if words[1] == "-m" else 2
    helped = help_of(*words[1:end])
    missing = [option for option in options(words[end:]) if not re.search(rf"{option}\b", helped)]
    assert missing == [], f"no such option: {missing}"


def runs(words: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *words[1:]], cwd=REPOSITORY, capture_output=True, check=True)


def names_files_that_exist(words: tuple[str, ...]) -> None:
    """For what another program does, and a test cannot: see ``OTHERS`` for each reason."""
    folder = REPOSITORY
    if "compose" in words:
        folder /= "app/deploy/containers"
    for option, value in pairwise(words):
        if option in {"-f", "-c"}:
            assert (folder / value).is_file(), f"there is no {value}"
        if value == "-m" and "monai.bundle" in words:
            at = words.index("-m")
            is_a_bundle_command(("python", *words[at:]))


# Why these are not run by a test.
OTHERS = {
    "docker": "needs a Docker daemon; tests/app/deploy reads the Dockerfile and runs its command",
    "pip": "sets up an environment, as `make` does before any test",
    "packager/bin/pip": "make test-deploy sets up the same environment",
    "packager/bin/monai-deploy": "make test-deploy runs the packager up to the Docker build",
    "torchrun": "tests/bundles/common/engines/test_distributed.py runs two processes",
    "tensorboard": "a program of its own that does not end",
    "python -m app": "the MONAI Deploy SDK reads its options; make test-deploy runs it",
    "python -m venv": "sets up an environment",
    "cd": "of the shell",
    "git": "reads the history, which a source archive lacks",
    "mkdir": "of the system",
    "sudo": "of the system",
}
CHECKS: dict[str, Callable[[tuple[str, ...]], None]] = {
    "make": is_a_make_target,
    "nodulus": is_a_nodulus_command,
    "python -m monai.bundle": is_a_bundle_command,
    "python -c": runs,
    "python -m nodulus.bundles.common": prints_its_options,
    "python -m tests.fuzz": prints_its_options,
    "python benchmarks/": prints_its_options,
    **dict.fromkeys(OTHERS, names_files_that_exist),
}


def check_of(command: Command) -> Callable[[tuple[str, ...]], None]:
    text = " ".join(command.words)
    found = [start for start in CHECKS if re.match(rf"{start}(?!\w)", text) or text == start]
    found += [start for start in CHECKS if start.endswith("/") and text.startswith(start)]
    assert found, f"{command}: no check is known, add one to CHECKS"
    return CHECKS[max(found, key=len)]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_command_is_one_that_exists(command: Command) -> None:
    check_of(command)(command.words)


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.page)
def test_a_shell_can_read_the_block(block: Block) -> None:
    read = subprocess.run(
        ["bash", "-n"], input=block.text, text=True, capture_output=True, check=False
    )
    assert read.returncode == 0, read.stderr


def test_every_block_says_what_it_is() -> None:
    unknown = [(b.page, b.text[:60]) for b in blocks() if b.language not in LANGUAGES]
    assert unknown == []


def test_there_are_commands() -> None:
    assert {"README.md", "docs/training.md", "docs/deploy.md"} <= {c.page for c in COMMANDS}
    assert len(COMMANDS) > 60


@pytest.mark.parametrize(
    "text",
    [
        "make everything",
        "nodulus detect",
        "nodulus detect CT -o OUT --quick",
        "nodulus phantom --studies many -o OUT",
        "python -m monai.bundle run --config_file bundles/nodule/configs/test.json",
        "python -m monai.bundle run --config_file bundles/nodule/configs/train.json --epocs 3",
        "docker build -f Dockerfile.gpu .",
        "rm -rf runs",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(text: str) -> None:
    (command,) = commands(Block("page.md", "bash", text + "\n"))
    with pytest.raises((AssertionError, click.UsageError)):
        check_of(command)(command.words)


def test_loops_assignments_and_comments_are_read() -> None:
    text = 'A=$(pwd)\nfor x in 1 2; do\n  B=1 run "$x" \\\n    $((x + 1)) # why\ndone\n'
    found = [command.words for command in commands(Block("page.md", "bash", text))]
    assert found == [("pwd",), ("run", "1", "0")]
