"""Entry point of the container image: tells by its call who has started it.

With arguments it is `nodulus`. Without any, it follows mercure's contract where MERCURE_IN_DIR is
set, and else reads ``/input`` and writes ``/output``, as challenge platforms want it. Both take
models of one's own from NODULUS_MODELS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nodulus.app.deploy.containers.mercure import IN_VARIABLE

INPUT_VARIABLE, INPUT = "NODULUS_INPUT", "/input"
OUTPUT_VARIABLE, OUTPUT = "NODULUS_OUTPUT", "/output"
MODELS_VARIABLE = "NODULUS_MODELS"
CONTRACT_VARIABLE = "NODULUS_CONTRACT"
MARKS = "marks.csv"


def detect_arguments(environment: Mapping[str, str]) -> list[str]:
    """Give `nodulus detect`'s arguments for a call without any, or those of a challenge's contract.

    Args:
        environment: may name other folders than ``/input`` and ``/output``, models, and a contract
            of `nodulus challenge`.
    """
    source = environment.get(INPUT_VARIABLE, INPUT)
    output = environment.get(OUTPUT_VARIABLE, OUTPUT)
    contract = environment.get(CONTRACT_VARIABLE)
    arguments = (
        ["challenge", contract, "--input", source, "-o", output]
        if contract
        else ["detect", source, "-o", output, "--marks", f"{output}/{MARKS}"]
    )
    models = environment.get(MODELS_VARIABLE)
    return [*arguments, "-m", models] if models else arguments


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run whatever is asked for.

    Args:
        arguments: of the container.
        environment: of the container.

    Returns:
        The exit status.
    """
    if not arguments and environment.get(IN_VARIABLE):
        from nodulus.app.deploy.containers.mercure import main as mercure

        models = environment.get(MODELS_VARIABLE)
        return mercure(environment, Path(models) if models else None)
    from nodulus.app.commands.root import cli

    cli(list(arguments) or detect_arguments(environment), prog_name="nodulus")
    return 0


if __name__ == "__main__":
    # MONAI asks for the user's name when it is imported, and an arbitrary user id has none.
    os.environ.setdefault("USER", "nodulus")
    sys.exit(main(sys.argv[1:], os.environ))
