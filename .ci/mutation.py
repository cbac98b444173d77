"""Changes the code a little, one place at a time, and counts what the tests notice.

``make mutation ROOM=metrics`` runs mutmut on a sample of a room with the tests around it, prints
the share that was killed and shows each change that survived. Of all changes some are
drawn, as many of each file as of the others, so that a room takes some minutes; another seed draws
others.
mutmut names a module by its path, and the folders of a checkout are ``nodulus.*`` by a package
path, so that it is given a copy in the installed layout; the copy stays in ``build/mutation``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutation"
PACKAGES = ("app", "bundles", "configs", "transforms")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pt", "build", "docs")
SURVIVED = ("survived", "no tests", "suspicious")
"""A change by which the tests do not end is noticed."""


@dataclass(frozen=True)
class Room:
    """Files that are changed, and the tests around them; paths of the checkout."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


def _tests(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/test_{name}.py" for name in names)


def _files(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


ROOMS = {
    "chain": Room(
        _files(
            "app/chain", "blending", "findings", "laterality", "malignancy_probability",
            "native_mask", "nodule_probability", "recalibration",
        ),
        _tests(
            "app/chain", "blending", "build_findings", "laterality", "malignancy_probability",
            "measured_finding", "nodule_probability", "recalibration",
        ),
    ),
    "metrics": Room(
        ("app/evaluation/metrics/*.py",),
        ("tests/app/evaluation/metrics",),
    ),
    "reading": Room(
        _files("app/reading", "image_plane", "image_types", "kernels", "rounded_positions",
               "slice_grid"),
        _tests("app/reading", "heights_before_rounding", "image_plane", "image_types", "kernels",
               "right_angles", "rounded_positions", "slice_grid", "slice_plan"),
    ),
    "results": Room(
        _files("app/results", "colors", "image_numbers", "interpolated_only", "label_boxes",
               "probability", "wording"),
        _tests("app/results", "facts_and_key_images", "label_boxes", "other_readers",
               "reader_values"),
    ),
    "splits": Room(
        _files("bundles/common", "splits", "stratification"),
        _tests("bundles/common", "splits", "stratification"),
    ),
    "transforms": Room(
        _files("transforms", "candidates", "geometry", "lesion_kind", "measurements",
               "texture_class"),
        _tests("transforms", "candidates", "geometry", "lesion_kind", "measurements",
               "texture_class"),
    ),
}  # fmt: skip


def make_copy(name: str, room: Room) -> Path:
    """The checkout in the installed layout, with what mutmut is to do."""
    target = WORK / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "nodulus", target / "nodulus", ignore=LEFT_OUT)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / "nodulus" / package, ignore=LEFT_OUT)
    shutil.copytree(ROOT / "tests", target / "tests", ignore=LEFT_OUT)
    settings = {
        "source_paths": ["nodulus"],
        "only_mutate": [f"nodulus/{file}" for file in room.files],
        "pytest_add_cli_args_test_selection": list(room.tests),
        "timeout_constant": 30,  # seconds, times 15: on a busy machine tests only seem to hang
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (target / "pyproject.toml").write_text(
        text + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    return target


def draw(names: Sequence[str], count: int, seed: int) -> list[str]:
    """About ``count`` changes, as many of each file as of the others; the same for one seed."""
    by_file: dict[str, list[str]] = {}
    for name in sorted(names):
        by_file.setdefault(name.split(".x", 1)[0], []).append(name)
    each = -(-count // max(1, len(by_file)))
    return [
        name
        for file, held in by_file.items()
        for name in random.Random(f"{seed} {file}").sample(held, min(each, len(held)))
    ]


def states(folder: Path) -> dict[str, str]:
    """What became of each change; mutmut's words."""
    told = mutmut(folder, "results", "--all", "true")
    return dict(re.findall(r"^\s*(nodulus\.\S+): ([\w ]+)$", told, flags=re.MULTILINE))


def mutmut(folder: Path, *arguments: str, quiet: bool = False) -> str:
    """What a command of mutmut prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        check=False,
    )
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one room; 0 when at least the asked share was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=sorted(ROOMS))
    parser.add_argument("--jobs", type=int, default=1, help="Processes at once")
    parser.add_argument("--least", type=float, default=0.85, help="Share to be killed")
    parser.add_argument("--count", type=int, default=80, help="Changes that are drawn")
    parser.add_argument("--seed", type=int, default=1, help="Of what is drawn")
    chosen = parser.parse_args(arguments)
    folder = make_copy(chosen.room, ROOMS[chosen.room])
    # Makes every change and times the tests, and stops there: no change has such a name.
    mutmut(folder, "run", "none", quiet=True)
    drawn = draw(list(states(folder)), chosen.count, chosen.seed)
    print(mutmut(folder, "run", "--max-children", str(chosen.jobs), *drawn)[-2000:])
    found = states(folder)
    alive = [name for name in drawn if found[name] in SURVIVED]
    for name in alive:
        print(mutmut(folder, "show", name))
    killed = len(drawn) - len(alive)
    share = f"{killed / len(drawn):.0%}" if drawn else "none"
    print(f"{chosen.room}: {killed} of {len(drawn)} changes were noticed ({share})")
    return 0 if drawn and killed >= chosen.least * len(drawn) else 1


if __name__ == "__main__":
    raise SystemExit(main())
