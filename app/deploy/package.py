"""What MONAI Deploy's packager is given: an application folder, a model folder, documents.

The packager copies the application folder to ``/opt/holoscan/app`` and starts it with
``python3 /opt/holoscan/app``, so the folder holds ``__main__.py``, everything that it imports,
and the metadata by which the program knows its version. The weights are in the model folder only.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import nodulus
from nodulus import app
from nodulus.app.chain.models import BUNDLES, model_errors
from nodulus.app.deploy.models import MODEL_NAMES, package_model
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

APPLICATION, MODELS, DOCUMENTS = "application", "models", "docs"
PACKAGES = ("app", "bundles", "configs", "transforms")

_MAIN = '''"""Started by the MONAI Application Package."""

import sys

from nodulus.app.deploy.main import main

sys.exit(main())
'''
_NOT_COPIED = ("__pycache__", "*.pt", ".*")


def write_package(
    folder: Path,
    bundles: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write everything that ``monai-deploy package`` wants.

    Args:
        folder: to be made; it appears as a whole.
        bundles: holds the three bundles; None for the shipped ones.
        progress: called with (models done, models in all).

    Raises:
        NodulusError: ``output-not-writable``, ``model-not-found`` or ``model-invalid``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            "It exists and is not empty.",
            remedy="Name another folder, or remove this one.",
            subject=folder,
        )
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        _write_application(part / APPLICATION)
        _write_models(part / MODELS, bundles or BUNDLES, progress)
        _write_documents(part / DOCUMENTS, bundles or BUNDLES)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise not_writable(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def packager_command(folder: Path) -> str:
    """Give the command that builds the image from the folder, where Docker is at hand."""
    application = folder / APPLICATION
    return (
        f"monai-deploy package {application} --config {application / 'app.yaml'}"
        f" --models {folder / MODELS} --docs {folder / DOCUMENTS}"
        f" --platform x86_64 --tag nodulus:{metadata.version('nodulus')}"
    )


def _write_application(folder: Path) -> None:
    source = Path(app.__file__).resolve().parents[1]
    root = folder / "nodulus"
    root.mkdir(parents=True)
    here = Path(nodulus.__file__).parent
    for file in (*here.glob("*.py"), here / "py.typed"):
        shutil.copy(file, root / file.name)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(source / package, root / package, ignore=ignored)
    (folder / "__main__.py").write_text(_MAIN, encoding="utf-8")
    for name in ("app.yaml", "requirements.txt"):
        shutil.copy(source / "app" / "deploy" / name, folder / name)
    distribution = metadata.distribution("nodulus")
    about = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    info = folder / f"nodulus-{distribution.version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(about, encoding="utf-8")


def _write_models(folder: Path, bundles: Path, progress: Callable[[int, int], None] | None) -> None:
    for done, name in enumerate(MODEL_NAMES):
        if progress is not None:
            progress(done, len(MODEL_NAMES))
        invalid = f"the bundle {name} cannot be packaged"
        remedy = "Check that its network can be compiled by torch.jit.script."
        with model_errors(bundles, invalid, remedy, bundles / name):
            package_model(bundles / name, folder / name)
    if progress is not None:
        progress(len(MODEL_NAMES), len(MODEL_NAMES))


def _write_documents(folder: Path, bundles: Path) -> None:
    folder.mkdir()
    for name in MODEL_NAMES:
        card = bundles / name / "docs" / "README.md"
        if card.is_file():
            shutil.copy(card, folder / f"{name}.md")
        license_file = bundles / name / "LICENSE"
        if license_file.is_file():
            shutil.copy(license_file, folder / "LICENSE")
