"""`python -m nodulus.app.deploy`: the MONAI Deploy application, whatever the arguments."""

from __future__ import annotations

import sys

from nodulus.app.deploy.main import main

if __name__ == "__main__":
    sys.exit(main())
