"""Every public name of PyTorch's is here, or on a list of what is left out; the documents count them."""

import inspect
import runpy
from operator import attrgetter
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")

import minigrad  # noqa: E402
from minigrad import left_out  # noqa: E402

TOOL = Path(__file__).resolve().parents[2] / "tools" / "compare_names.py"

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


def test_named_results_are_read_from_files(tmp_path):
    theirs, ours = (m.tensor([[1.0, 4.0], [3.0, 2.0]]).max(0) for m in (torch, minigrad))
    torch.save(theirs, tmp_path / "theirs.pt")
    found = minigrad.load(tmp_path / "theirs.pt", weights_only=False)
    assert type(found) is type(ours)
    assert (found.values.tolist(), found.indices.tolist()) == ([3, 4], [1, 0])


@pytest.mark.parametrize("path", [n for n in left_out.NAMES if not n.startswith("autograd.")])
def test_what_is_left_out_is_pytorchs(path):
    """The list names nothing that PyTorch has not."""
    place = torch
    for part in path.split("."):
        place = getattr(place, part)


def test_the_table_of_names_is_up_to_date():
    compared = runpy.run_path(str(TOOL))
    assert compared["table"]() in compared["PAGE"].read_text(), "run: python tools/compare_names.py"


#: names of PyTorch's own machinery in these modules, and of what they import
MACHINERY = {
    "nn": {"factory_kwargs"},
    "nn.functional": {"assert_int_or_pair", "boolean_dispatch", "handle_torch_function", "has_torch_function"}
    | {"has_torch_function_unary", "has_torch_function_variadic", "ScalingType", "SwizzleType"},
    "nn.utils": set(),
    "nn.parallel": {"DistributedDataParallelCPU"},  # its older name
    "nn.attention": {"can_use_efficient_attention", "can_use_flash_attention", "warn", "SDPAParams"}
    | {"register_flash_attention_impl", "activate_flash_attention_impl", "list_flash_attention_impls"}
    | {"current_flash_attention_impl", "restore_flash_attention_impl"},
    "nn.modules.module": set(),
    "nn.init": set(),
}


@pytest.mark.parametrize("place", MACHINERY)
def test_nn_has_every_class_and_function_or_leaves_it_out(place):
    theirs, ours = attrgetter(place)(torch), attrgetter(place)(minigrad)
    names = {
        name
        for name, value in vars(theirs).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value))
        and (getattr(value, "__module__", None) or value.__name__).startswith(f"torch.{place}")
    }
    assert len(names) > 3
    missing = {name for name in names if not hasattr(ours, name)} - MACHINERY[place]
    assert not missing
