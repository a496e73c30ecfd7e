"""The state machine of views, writes, hooks and walks, on minigrad and PyTorch together."""

import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from tests.test_state_machine import Machine, run  # noqa: E402

# `.grad` of a value that is no leaf is looked at on purpose
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute")


class Both(Machine):
    """Each step is done in both libraries, and the twin holds for both."""

    libraries = (minigrad, torch)
    whole = False  # PyTorch adds what it reached before a walk failed


def test_programs_agree_with_pytorch_and_the_twin():
    run(Both)
