"""The documents' table of names is what a comparison with PyTorch gives; what `nn` has not, it says why."""

import inspect
import runpy
from operator import attrgetter
from pathlib import Path

import pytest

import minigrad

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")
TOOL = Path(__file__).resolve().parents[2] / "tools" / "compare_names.py"


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
def test_what_nn_has_not_is_on_the_list_of_what_is_left_out(place):
    theirs, ours = attrgetter(place)(torch), attrgetter(place)(minigrad)
    names = {
        name
        for name, value in vars(theirs).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value))
        and (getattr(value, "__module__", None) or value.__name__).startswith(f"torch.{place}")
    }
    assert len(names) > 3
    missing = {name for name in names if not hasattr(ours, name)} - MACHINERY[place]
    modules = {name for name in missing if inspect.ismodule(getattr(theirs, name))}
    assert missing - modules <= set(getattr(ours, "LEFT_OUT", ()))
