from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from nodulus.app.own_memory import (keep_freed_memory, keep_imports,)
assert keep_freed_memory() if sys.argv[1] == "keep" else True
keep_imports()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for number in range(10):
    if number == 1:
        before = faults()
    block = bytearray(b"x" * 1) * (64 * 2**20)
    del block
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_blocks_are_used_again_without_new_pages() -> None:
    assert faults("keep") * 20 < faults("no")


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from nodulus.app.own_memory import keep_freed_memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
