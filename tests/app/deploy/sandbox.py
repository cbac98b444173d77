"""What a hardened container runtime does, without one.

A read-only root file system, an arbitrary user id without capabilities, no network, no home;
only the folders that are named can be written to. Needs root, as it makes name spaces of its own
(Linux).
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

USER = 12345
RIGHTS = (
    f"--reuid {USER} --regid {USER} --clear-groups --no-new-privs"
    " --bounding-set=-all --inh-caps=-all"
)


def _everyone_may_run(path: Path) -> bool:
    real = path.resolve()
    wanted = (stat.S_IXOTH, *(stat.S_IXOTH for _ in real.parents))
    places = (real, *real.parents)
    return all(p.stat().st_mode & bit for p, bit in zip(places, wanted, strict=True))


def python_for_everyone() -> tuple[str, str] | None:
    """A Python that other users may run, and the path of this one's packages."""
    packages = sysconfig.get_path("purelib")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sys.executable), Path("/usr/bin") / version):
        if path.exists() and _everyone_may_run(path):
            return str(path), packages
    return None


def sandboxed(
    arguments: list[str], environment: dict[str, str], writable: Sequence[Path], root: Path
) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing but its rights.

    Args:
        arguments: the program and its arguments.
        environment: all of it; there is no HOME.
        writable: belong to the user, and are the only folders that can be written to.
        root: an empty folder, where the read-only file system is put together.
    """
    for folder in writable:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER)
    place = shlex.quote(str(root))
    steps = [
        "mount --make-rprivate /",
        f"mount --rbind / {place}",
        f"mount -o remount,bind,ro {place}",
        *(f"mount --bind {shlex.quote(str(w))} {shlex.quote(f'{root}{w}')}" for w in writable),
        f'exec chroot {place} setpriv {RIGHTS} "$@"',
    ]
    return subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", " && ".join(steps), "sh", *arguments],
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def why_not(writable: Path, root: Path) -> str | None:
    """Give the reason for which there can be no sandbox here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "chroot", "mount"))):
        return "needs root, unshare and setpriv"
    if python_for_everyone() is None:
        return "this Python cannot be run by other users"
    done = sandboxed(["touch", str(writable / "probe")], {}, [writable], root)
    return None if done.returncode == 0 else f"no name spaces here: {done.stderr.strip()[:200]}"
