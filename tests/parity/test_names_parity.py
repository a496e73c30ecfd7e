"""Every function of PyTorch's public namespaces is here, or on the list of what is left out."""

import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402
from minigrad import left_out  # noqa: E402

NAMESPACES = {
    "": torch,
    "Tensor": torch.Tensor,
    "linalg": torch.linalg,
    "special": torch.special,
    "fft": torch.fft,
}
PRIVATE = {"torch", "Tensor", "common_args", "common_notes", "multi_dim_common"}


def public_functions(namespace: str) -> set[str]:
    """The names of functions that PyTorch lets a class override, and so documents."""
    place = NAMESPACES[namespace]
    overridable = torch.overrides.get_overridable_functions()
    names = {f.__name__ for f in overridable.get(place, ())}
    names = {n.removeprefix(namespace + "_") if namespace else n for n in names}
    return {n for n in names if not n.startswith("_")} - PRIVATE


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_function_is_here_or_left_out(namespace):
    place = minigrad
    if namespace:
        place = getattr(minigrad, namespace)
    wanted = public_functions(namespace)
    assert len(wanted) > 15
    here = {n for n in wanted if hasattr(place, n) or f"{namespace}.{n}".lstrip(".") in left_out.NAMES}
    assert sorted(wanted - here) == []


@pytest.mark.parametrize("path", [n for n in left_out.NAMES if not n.startswith("autograd.")])
def test_what_is_left_out_is_pytorchs(path):
    """The list names nothing that PyTorch has not."""
    place = torch
    for part in path.split("."):
        place = getattr(place, part)
