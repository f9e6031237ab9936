"""stdout is for results alone."""

from __future__ import annotations

import json
import subprocess
import sys

WORK = """
import os, sys
from adamtune.cli.output import Output

output = Output("baseline", as_json=True, quiet=True)
with output.working():
    print("python prints")
    os.system("echo a child process prints")
    os.write(1, b"C code prints\\n")
sys.exit(output.answer({"a": float("nan")}, "", code=4, reason="nothing usable"))
"""


def test_nothing_that_the_work_prints_reaches_stdout() -> None:
    """Not even what child processes or C code write to file descriptor 1."""
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert (answer["a"], answer["exit_code"], answer["reason"]) == (None, 4, "nothing usable")
    assert done.returncode == 4
    for words in ("python prints", "a child process prints", "C code prints", "nothing usable"):
        assert words in done.stderr
