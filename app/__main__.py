"""``nodulus`` and ``python -m app``: the command line.

``python -m app`` is also how MONAI Deploy starts its application: with options and no
sub-command, or with nothing but HOLOSCAN_INPUT_PATH set.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys

from nodulus.app.commands.root import OWN_PROCESS, cli
from nodulus.app.commands.streams import any_encoding, flush_streams
from nodulus.app.deploy.calls import is_deploy_call


def main() -> None:
    """Entry point of the ``nodulus`` command."""
    any_encoding()
    try:
        cli(obj=OWN_PROCESS)
    except SystemExit as end:
        leave(end.code)


def leave(code: int | str | None) -> None:
    """End the process as ``sys.exit`` does, but leave modules and memory to the system.

    To take torch, MONAI and a gigabyte apart piece by piece takes Python half a second.
    """
    if isinstance(code, str):
        sys.exit(code)
    atexit._run_exitfuncs()  # what libraries have registered, as at any end
    logging.shutdown()
    flush_streams()
    os._exit(code or 0)


if __name__ == "__main__":
    if is_deploy_call(sys.argv[1:], os.environ):
        from nodulus.app.deploy.main import main as deploy

        sys.exit(deploy())
    main()
