from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import atexit, logging, sys
from nodulus.app.__main__ import leave
atexit.register(print, "registered")
class Handler(logging.Handler):
    def emit(self, record): pass
    def close(self):
        print("log closed", file=sys.stderr)
        super().close()
logging.getLogger().addHandler(Handler())
print("told", end="")
leave({code!r})
print("not reached")
"""


@pytest.mark.parametrize(("code", "status"), [(0, 0), (None, 0), (3, 3), ("wrong", 1)])
def test_nothing_that_was_to_happen_at_the_end_is_left_out(code: object, status: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE.format(code=code)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == status
    assert ended.stdout == "toldregistered\n"
    assert "log closed" in ended.stderr
    assert ("wrong" in ended.stderr) == (code == "wrong")
