"""Run holoscan-cli's packager up to the call of Docker, and keep what it would send there.

Runs under a Python that has holoscan-cli 4.2: ``python run_packager.py CONTEXT ARGUMENTS...``.
"""

import json
import shutil
import sys
from pathlib import Path

from holoscan_cli.__main__ import main
from holoscan_cli.common import sdk_utils
from holoscan_cli.packager import container_builder, platforms

HOLOSCAN = "4.2.0"
IMAGE = "nvcr.io/nvidia/cuda:13.0.0-runtime-ubuntu24.04"

# What the packager downloads: releases/4.2.0/artifacts.json of holoscan-cli's repository. The build
# images, for programs in C++, are left out.
SOURCE = {
    HOLOSCAN: {
        "holoscan": {
            "wheel-version": HOLOSCAN,
            "debian-version": "4.2.0.1-1",
            "base-images": {"dgpu": IMAGE},
            "build-images": {"dgpu": {}, "igpu": {}, "cpu": {}},
        },
        "health-probes": {},
    }
}


def keep(context: Path):
    def build(**arguments):
        shutil.copytree(arguments["context_path"], context / "context", dirs_exist_ok=True)
        kept = {k: str(v) for k, v in arguments.items()}
        (context / "build.json").write_text(json.dumps(kept))

    return build


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "source.json").write_text(json.dumps(SOURCE))
    container_builder.build_docker_image = keep(folder)
    container_builder.create_and_get_builder = lambda name: name
    for module in (sdk_utils, platforms):
        if hasattr(module, "detect_holoscan_version"):
            module.detect_holoscan_version = lambda version=None: HOLOSCAN
        if hasattr(module, "detect_monaideploy_version"):
            module.detect_monaideploy_version = lambda version=None: "4.0.0"
    sys.argv[0] = "monai-deploy"  # the packager asks by which name it was called
    main(["monai-deploy", *sys.argv[2:], "--source", str(folder / "source.json")])
