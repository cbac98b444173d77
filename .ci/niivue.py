"""Puts NiiVue, the review page's viewer, into app/review/web/vendor; ``python .ci/niivue.py``.

Run it to change the version: it needs npm and its registry. What it writes is committed, so that
neither the installation nor the page needs Node, npm or another address. The package's
``index.min.js`` holds the module as one URL-encoded text, without comments; here it is plain text.
NiiVue's own licence is not in its package; ``vendor/LICENSE`` is that of its repository.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import unquote

VERSION = "0.69.0"
# What NiiVue's module holds of others (its metafile-esm.json): MIT, @ungap's ISC.
BUNDLED = (
    "@lukeed/uuid@2.0.1",
    "@ungap/structured-clone@1.2.0",
    "array-equal@1.0.2",
    "fflate@0.8.2",
    "gl-matrix@3.4.3",
    "nifti-reader-js@0.8.0",
    "numcodecs@0.3.2",
    "zarrita@0.5.0",
)
VENDOR = Path(__file__).resolve().parents[1] / "app" / "review" / "web" / "vendor"


def packed(package: str) -> dict[str, bytes]:
    """The files of a package of npm, whose checksum npm proves, by their path in it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, package]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            members = {m.name.partition("/")[2]: tar.extractfile(m) for m in tar if m.isfile()}
            return {name: file.read() for name, file in members.items() if file}


def licence_of(package: str) -> str:
    """Its licence file, else what its package.json says."""
    files = packed(package)
    text = [files[name] for name in sorted(files) if re.fullmatch(r"(?i)licen[cs]e(\.\w+)?", name)]
    about = json.loads(files["package.json"])
    said = text[0].decode() if text else f"{about['license']}, {about.get('author', '')}"
    return f"{about['name']} {about['version']}\n\n{said.strip()}\n"


def main() -> None:
    """Write the module, its checksum and the licences of what it bundles."""
    text = packed(f"@niivue/niivue@{VERSION}")["dist/index.min.js"].decode()
    encoded = re.search(r'export const esm = "([^"]+)"', text)
    if encoded is None:
        raise SystemExit(f"NiiVue {VERSION}: index.min.js has another form; look into it.")
    module = unquote(encoded[1]).encode()
    VENDOR.mkdir(parents=True, exist_ok=True)
    (VENDOR / "niivue.js").write_bytes(module)
    about = {
        "package": "@niivue/niivue",
        "version": VERSION,
        "licence": "BSD-2-Clause",
        "sha256": hashlib.sha256(module).hexdigest(),
    }
    (VENDOR / "niivue.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    licences = "\n----\n\n".join(licence_of(package) for package in BUNDLED)
    (VENDOR / "niivue.bundled.txt").write_text(licences, encoding="utf-8")


if __name__ == "__main__":
    main()
