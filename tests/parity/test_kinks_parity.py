"""The rules for kinks, ties and poles are PyTorch's."""

import pytest

torch = pytest.importorskip("torch")

from tests.kinks import KINKS  # noqa: E402
from tests.test_kinks import agree, gradient  # noqa: E402


@pytest.mark.parametrize("line", KINKS, ids=lambda line: line[0])
def test_pytorch_has_this_gradient(line):
    _, function, x, cotangent, expected = line
    agree(gradient(torch, function, x, cotangent), expected)
