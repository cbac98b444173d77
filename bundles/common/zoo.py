"""Packs the bundles as MONAI's model zoo takes them: a zip a bundle, each whole in itself.

Rules: CONTRIBUTING.md of Project-MONAI/model-zoo. The code that the configs name is that of the
package nodulus, which ``metadata.json`` requires.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from nodulus.bundles import bundle_root, config_files
from nodulus.bundles.common.atomic_files import atomic_write, sha256, write_text

BUNDLES = ("segmentation", "nodule", "malignancy")
_CONFIGS = ("inference", "evaluate", "train")
_DEPLOY = "deploy"
"""Of a bundle that has it: for the App SDK's operator, which loads the weights itself."""
_LARGE_FILES = "large_files.yml"
_COPIED = ("LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf",
           "models/model.patients.json")  # fmt: skip
_WEIGHTS = "models/model.pt"
_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in a zip, so that the same bundle gives the same bytes."""


def zoo_name(task: str) -> str:
    """The bundle's name in the zoo: what it does, and on what data."""
    return {
        "segmentation": "lung_nodule_ct_segmentation_nodulus",
        "nodule": "lung_nodule_ct_classification_nodulus",
        "malignancy": "lung_nodule_ct_malignancy_nodulus",
    }[task]


def pack(task: str, output: Path, weights_url: str | None = None) -> Path:
    """Write one bundle as ``<name>_v<version>.zip``, and as the folder of a pull request.

    Args:
        task: one of :data:`BUNDLES`.
        output: folder for both.
        weights_url: where the weights will lie; the folder then has ``large_files.yml`` with their
            hash in their place. The zip always has the weights.

    Returns:
        The zip.

    Raises:
        ValueError: there is no such bundle.
        OSError: the output cannot be written to.
    """
    source, name = Path(bundle_root(task)), zoo_name(task)
    metadata = _metadata(source)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".zoo-") as temporary:
        folder = Path(temporary) / name
        for file in (*_COPIED, _WEIGHTS):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, folder / file)
        _write_json(folder / "configs" / "metadata.json", metadata)
        has_deploy = (source / "configs" / f"{_DEPLOY}.json").is_file()
        for config in (*_CONFIGS, *([_DEPLOY] if has_deploy else [])):
            _write_json(folder / "configs" / f"{config}.json", _whole_config(task, config))
        archive = output / f"{name}_v{metadata['version']}.zip"
        with atomic_write(archive) as part:
            _zip(folder, part)
        if weights_url is not None:
            _leave_weights_out(folder, weights_url)
        shutil.rmtree(output / name, ignore_errors=True)
        folder.rename(output / name)
    return archive


def _metadata(source: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((source / "configs" / "metadata.json").read_text())
    own = {"nodulus": version("nodulus")}
    return {
        **metadata,
        "required_packages_version": {**metadata["required_packages_version"], **own},
    }


def _whole_config(task: str, config: str) -> dict[str, Any]:
    """A config with all that it is laid over, whose bundle is the folder it is run from."""
    whole: dict[str, Any] = ConfigParser.load_config_files(config_files(task, config))
    return {**whole, "bundle_root": "."}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=4) + "\n")


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(folder.parent).as_posix()), _TIME)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())


def _leave_weights_out(folder: Path, url: str) -> None:
    weights = folder / _WEIGHTS
    write_text(
        folder / _LARGE_FILES,
        "large_files:\n"
        f'  - path: "{_WEIGHTS}"\n'
        f'    url: "{url}"\n'
        f'    hash_val: "{sha256(weights)}"\n'
        '    hash_type: "sha256"\n',
    )
    weights.unlink()


def main(given: Sequence[str] | None = None) -> None:
    """Read the options and pack all three bundles."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the zips")
    parser.add_argument(
        "--weights-url",
        metavar="URL",
        help="where the weights will lie, {name} and {version} filled in: the folders then have"
        " large_files.yml instead of them",
    )
    options = parser.parse_args(given)
    for task in BUNDLES:
        url = options.weights_url
        if url is not None:
            of = json.loads((Path(bundle_root(task)) / "configs" / "metadata.json").read_text())
            url = url.replace("{name}", zoo_name(task)).replace("{version}", of["version"])
        print(pack(task, options.output, url))  # noqa: T201


if __name__ == "__main__":
    main()
