"""Builds a release in dist/: ``make release``.

Wheel and source archive from the committed files, the wheel from the source archive; installed from
the wheel alone in a bare environment of each Python that is given, and run there; the licences of
what came with it against an allow list; a bill of materials (CycloneDX), checksums, and with a key
a signature. Needs the package index, and the tools of .ci/release.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
# What a licence, or each part of an expression of them, may be; copyleft no wider than the library.
ALLOWED = (
    r"MIT(-CMU|-0)?( License)?|ISC( License.*)?|0BSD|Unlicense|Zlib|HPND|CC0-1\.0",
    r"BSD|BSD License|BSD-[23]-Clause|[23]-Clause BSD License",
    r"Apache(-2\.0| Software License| License 2\.0| 2\.0)|LLVM-exception",
    r"PSF-2\.0|Python Software Foundation License|CNRI-Python",
    r"MPL[- ]2\.0|Mozilla Public License 2\.0",
    r"BSL-1\.0|Boost Software License.*",
    r"LGPL-.+|GNU Lesser General Public License.*|GCC-exception-3\.1",
)
# NVIDIA's libraries, under NVIDIA's own terms: PyTorch's CUDA build asks for them, not Nodulus, and
# its CPU build does without. They are in licences.json like all others.
OF_PYTORCH = r"cuda-toolkit|nvidia-.+"
_SPLIT = re.compile(r"\s+(?:AND|OR|WITH)\s+|;|[()]|,\s+(?=[A-Z])")
_RUN = "import nodulus; nodulus.Chain(); print(nodulus.__version__)"


def run(call: Sequence[str | Path], cwd: Path, **more: object) -> str:
    """Run a program; its errors end the release."""
    done = subprocess.run(call, cwd=cwd, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, call))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(output: Path) -> Path:
    """Write source archive and wheel of HEAD; gives the wheel."""
    if run(["git", "status", "--porcelain"], ROOT):
        raise SystemExit("the working tree has changes: commit them first")
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        source.mkdir()
        archive = Path(temporary) / "source.tar"
        run(["git", "archive", "-o", archive, "HEAD"], ROOT)
        shutil.unpack_archive(archive, source)
        call = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source]
        run(call, source)
    (wheel,) = output.glob("*.whl")
    return wheel


def install(wheel: Path, interpreter: str | None, folder: Path) -> Path:
    """Install a wheel in a new environment and start it there; gives the environment's Python."""
    if interpreter is None:
        venv.create(folder, with_pip=True)
    else:
        run([interpreter, "-m", "venv", folder], folder.parent)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    constraints = ["-c", ROOT / "constraints.txt"]
    run([python, "-m", "pip", "install", "-q", *constraints, wheel], folder)
    version = run([python, "-c", _RUN], folder).strip()
    about = json.loads(run([python, "-m", "nodulus", "info", "--json"], folder))
    print(f"{wheel.name} runs on Python {about['machine']['python']}: version {version}")
    return python


def refused_licences(packages: Iterable[dict[str, str]]) -> list[str]:
    """The packages with a licence that is not on the list, without those of `OF_PYTORCH`."""
    refused = []
    for package in packages:
        if re.fullmatch(OF_PYTORCH, package["Name"]):
            continue
        words = [word.strip() for word in _SPLIT.split(package["License"]) if word.strip()]
        if not words or not all(_is_allowed(word) for word in words):
            refused.append(f"{package['Name']} {package['Version']}: {package['License']}")
    return refused


def _is_allowed(licence: str) -> bool:
    return any(re.fullmatch(pattern, licence) for pattern in ALLOWED)


def check_licences(python: Path, output: Path) -> None:
    """Write the licences of an environment; refuse those that are not on the list."""
    tool = Path(sys.executable).with_name("pip-licenses")
    call = [tool, "--python", python, "--format=json", "--from=mixed"]
    packages = json.loads(run(call, output))
    (output / "licences.json").write_text(json.dumps(packages, indent=1) + "\n")
    if refused := refused_licences(packages):
        raise SystemExit("licences that are not allowed:\n" + "\n".join(refused))
    cuda = sum(re.fullmatch(OF_PYTORCH, package["Name"]) is not None for package in packages)
    print(f"the licences of {len(packages) - cuda} packages are allowed; {cuda} are NVIDIA's")


def write_bill(python: Path, output: Path, wheel: Path) -> None:
    """Write the bill of materials, and hold it against CycloneDX's schema."""
    name = output / f"{wheel.name.split('-py3')[0]}.cdx.json"
    tool = Path(sys.executable).with_name("cyclonedx-py")
    options = ["--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--validate"]
    run([tool, "environment", *options, "-o", name, python], output)
    print(f"{name.name}: {len(json.loads(name.read_text())['components'])} components")


def write_sums(output: Path, key: str | None) -> None:
    """Write the checksums of all files, and sign them by GnuPG where there is a key."""
    files = sorted(f for f in output.iterdir() if f.is_file() and not f.name.startswith(SUMS))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files]
    (output / SUMS).write_text("".join(lines))
    if key is not None:
        call = ["gpg", "--batch", "--yes", "--local-user", key, "--armor", "--detach-sign", SUMS]
        run(call, output)
        print(f"signed by {key}")


def main() -> None:
    """Build, try and describe a release."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="made anew")
    parser.add_argument(
        "--python", action="append", metavar="PROGRAM", help="to install with; may be repeated"
    )
    parser.add_argument("--gpg-key", metavar="ID", help="signs SHA256SUMS")
    options = parser.parse_args()
    output = options.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    wheel = build(output)
    with tempfile.TemporaryDirectory() as temporary:
        found = [
            install(wheel, interpreter, Path(temporary) / f"bare{number}")
            for number, interpreter in enumerate(options.python or [None])
        ]
        check_licences(found[0], output)
        write_bill(found[0], output, wheel)
    write_sums(output, options.gpg_key)
    for file in sorted(output.iterdir()):
        print(f"{file.stat().st_size:>12,}  {file.name}")


if __name__ == "__main__":
    main()
