"""``nodulus`` and ``python -m app``: the command line.

``python -m app`` is also how MONAI Deploy starts its application: with options and no
sub-command, or with nothing but HOLOSCAN_INPUT_PATH set.
"""

from __future__ import annotations

import os
import sys

from nodulus.app.commands.root import OWN_PROCESS, cli
from nodulus.app.commands.streams import any_encoding, flush_streams
from nodulus.app.deploy.deploy_call import is_deploy_call
from nodulus.app.process import is_plain, sleep_while_waiting


def main() -> None:
    """Entry point of the ``nodulus`` command."""
    any_encoding()
    sleep_while_waiting()
    try:
        cli(obj=None if is_plain() else OWN_PROCESS)
    finally:
        flush_streams()


if __name__ == "__main__":
    if is_deploy_call(sys.argv[1:], os.environ):
        sleep_while_waiting()
        from nodulus.app.deploy.main import main as deploy

        sys.exit(deploy())
    main()
