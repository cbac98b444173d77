"""``nodulus`` and ``python -m app``: the command line.

``python -m app`` is also how MONAI Deploy starts its application: with options and no
sub-command, or with nothing but HOLOSCAN_INPUT_PATH set.
"""

from __future__ import annotations

import os
import sys

from app.commands.root import OWN_PROCESS, cli
from app.deploy.calls import is_deploy_call


def main() -> None:
    """Entry point of the ``nodulus`` command."""
    cli(obj=OWN_PROCESS)


if __name__ == "__main__":
    if is_deploy_call(sys.argv[1:], os.environ):
        from app.deploy.main import main as deploy

        sys.exit(deploy())
    main()
