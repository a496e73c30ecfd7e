"""The README's code runs as it stands, and does what the text beside it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_recipe_runs_and_beats_its_baseline(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(README.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, baseline = (float(n) for n in re.findall(r"[\d.]+", run.stdout))
    assert ours < baseline
    assert (tmp_path / "sunspots.pt").stat().st_size > 1000
