"""Files against damage and sudden death: a little of what `make fuzz` does at length, by the same
programs.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


def run(tool: str, *options: str) -> str:
    """What a program in tools/ prints; in a process of its own, for it watches or kills processes."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-W", "error", str(REPOSITORY / "tools" / tool), *options]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_damaged_files_load_or_are_refused(kind):
    printed = run("fuzz_files.py", "--count", "600", "--kind", kind, "--seed", "1")
    counts = {outcome: int(count) for outcome, count in re.findall(r"'([a-z ]+)': (\d+)", printed)}
    assert counts.keys() == {"loaded", "refused"}
    assert sum(counts.values()) == 600
    assert counts["loaded"] > 10, "damage that is found at once tests little"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_a_save_that_is_killed_leaves_a_whole_file():
    printed = run("kill_saves.py", "--kills", "6", "--megabytes", "0.5")
    assert printed.count("6 kills, always a whole file") == 3
