"""Which of its two faces `python -m app` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

INPUT_VARIABLE = "HOLOSCAN_INPUT_PATH"
"""By which a MONAI Deploy runtime says where the input is."""

_OF_THE_COMMAND_LINE = ("-h", "--help", "--version")


def is_deploy_call(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a call is meant for the MONAI Deploy application.

    The command line always begins with a sub-command (or asks for help); the SDK's runtimes give
    options (``-i``, ``-o``, ``-m``) or nothing but environment variables.

    Args:
        arguments: after the program's name.
        environment: such as ``os.environ``.
    """
    if not arguments:
        return bool(environment.get(INPUT_VARIABLE))
    first = arguments[0]
    return first.startswith("-") and first not in _OF_THE_COMMAND_LINE
