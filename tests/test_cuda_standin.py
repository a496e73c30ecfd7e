"""What runs on a GPU, without one: a stand-in for CuPy whose arrays refuse to mix with NumPy's.

This finds the usual mistake, a host array that strays into device code. What only a GPU can show, such as
CuPy's own gaps, it does not.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
RUN_ELSEWHERE = (
    "test_ops.py test_engine.py test_inplace.py test_backward.py test_kinks.py on_device.py".split()
)


def run_with_standin(*arguments: str) -> subprocess.CompletedProcess:
    """A fresh interpreter in which `import cupy` finds the stand-in and the tests' device is 'cuda'."""
    path = os.pathsep.join([str(TESTS / "fake_cupy"), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "MINIGRAD_TEST_DEVICE": "cuda"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=TESTS.parent, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", RUN_ELSEWHERE)
def test_tests_pass_on_the_standin(name):
    done = run_with_standin("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(TESTS / name))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


REFUSED = """
import cupy, numpy as np
there, here = cupy.asarray(np.arange(3.0)), np.arange(3.0)
attempts = [
    lambda: there + here, lambda: here + there, lambda: np.asarray(there), lambda: there[np.array([0, 1])],
    lambda: np.where(there > 0, there, here), lambda: np.concatenate([there, here]),
    lambda: there.__setitem__(0, here[:1]),
    lambda: np.add(there, there, out=here), lambda: cupy.exp(here), lambda: there.sum(out=here),
]
for number, attempt in enumerate(attempts):
    try:
        attempt()
    except TypeError:
        continue
    raise SystemExit(f"attempt {number} passed")
view = there[1:]
assert view.base is there and there.sum().shape == () and type(there[0]) is cupy.ndarray
assert (there + 1).get().tolist() == [1, 2, 3] and there.device.id == 0 and cupy.cuda.is_available()
"""


def test_standin_refuses_to_mix():
    done = run_with_standin("-c", REFUSED)
    assert done.returncode == 0, done.stderr


def test_without_cupy_the_error_says_what_to_install():
    code = "import sys; sys.modules['cupy'] = None; import minigrad; minigrad.zeros(1, device='cuda')"
    done = subprocess.run([sys.executable, "-c", code], cwd=TESTS.parent, capture_output=True, text=True)
    assert "needs CuPy: pip install minigrad-rnn[cupy]" in done.stderr
