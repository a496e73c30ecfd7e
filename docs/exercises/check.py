"""Checks the exercises of "How autograd works": those named, or all.

python docs/exercises/check.py softplus walk
python docs/exercises/check.py --answers
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import minigrad as torch
from minigrad.autograd import gradcheck, gradgradcheck

HERE = Path(__file__).resolve().parent


def drawn(*shape: int) -> torch.Tensor:
    """A float64 tensor to vary."""
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def check_softplus(given) -> None:
    x = drawn(3, 4)
    gradcheck(given.softplus, x)
    gradgradcheck(given.softplus, x)


def check_walk(given) -> None:
    x, y = drawn(), drawn()
    once = torch.exp(x * y)
    result = once * x + torch.sin(once) * once  # `once` is used three times, x twice
    found = given.gradients_of(result)
    result.backward()
    for leaf in (x, y):
        if not torch.allclose(torch.as_tensor(found[leaf]), leaf.grad):
            raise AssertionError(f"the gradient {float(found[leaf]):.4f} should be {leaf.grad.item():.4f}")


def check_rms(given) -> None:
    x = drawn(3, 4)
    for axis in (0, 1, -1):
        gradcheck(lambda x, axis=axis: given.rms(x, axis), x)
        gradgradcheck(lambda x, axis=axis: given.rms(x, axis), x)


def check_gated(given) -> None:
    x, y = drawn(3, 4), drawn(3, 4)
    if not torch.allclose(given.gated_twin(x, y), given.gated(x, y)):
        raise AssertionError("the twin gives another value")
    gradcheck(given.gated, (x, y))
    gradgradcheck(given.gated, (x, y))


def check_broken(given) -> None:
    gradcheck(given.sigmoid, drawn(5))
    gradcheck(given.hypot, (drawn(5), drawn(5)))
    gradcheck(given.atan, drawn(5))


CHECKS = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


def check(name: str, folder: Path = HERE) -> None:
    """Raises where the exercise in that folder is not solved."""
    torch.manual_seed(0)
    CHECKS[name](SimpleNamespace(**runpy.run_path(str(folder / f"{name}.py"))))


def in_short(error: Exception) -> str:
    """An error's first line, and of several its last."""
    first, *others = str(error).splitlines() or [type(error).__name__]
    return f"{first} ... {others[-1]}" if others else first


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(CHECKS), help=", ".join(CHECKS))
    parser.add_argument("--answers", action="store_true", help="check the given answers instead")
    options = parser.parse_args()
    failed = 0
    for name in options.names:
        try:
            check(name, HERE / "answers" if options.answers else HERE)
        except Exception as error:  # whatever the solution does wrong is what the reader wants to see
            failed += 1
            print(f"{name}: not yet. {in_short(error)}")
        else:
            print(f"{name}: solved")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
