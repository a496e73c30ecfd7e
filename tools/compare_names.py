"""Which of PyTorch's public names minigrad has, as the table in docs/coming_from_pytorch.md.

python tools/compare_names.py            rewrites the table (PyTorch has to be installed)
python tools/compare_names.py --missing  lists what is not there
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
import warnings
from pathlib import Path

import torch

import minigrad
from minigrad.dtypes import absent_dtype
from minigrad.left_out import LeftOut

PAGE = Path(__file__).resolve().parents[1] / "docs" / "coming_from_pytorch.md"
BEGIN, END = "<!-- names: begin -->", "<!-- names: end -->"

#: PyTorch's namespaces, as a reader meets them; of the first six the functions that PyTorch lets one override
NAMESPACES = """torch torch.Tensor torch.nn.functional torch.linalg torch.fft torch.special torch.autograd
torch.func torch.nn torch.nn.init torch.nn.utils torch.nn.utils.rnn torch.optim torch.optim.lr_scheduler
torch.optim.swa_utils torch.utils.data torch.distributions""".split()
ABSENT = LeftOut("absent", "")  # what is not there at all counts like what says that it is not
#: names of PyTorch's machinery for other things than dense numbers on a CPU or GPU
ELSEWHERE = re.compile(
    r"quant|sparse|fbgemm|mkldnn|cudnn|miopen|_copy$|named|names|align_|rename|vulkan|xla|hpu|ipu|fake_|qint"
    r"|dequant|crow_|ccol_|col_indices|row_indices|coalesce|_backward$|sym_|batch_norm_|distributed|Distributed"
    r"|smm|hash_tensor|slice_inverse|int_repr|q_per_|q_scale|q_zero|qscheme|to_dense|dense_dim|mtia|xpu|choose_qparams|native_|_int_repr|to_padded|is_(ipu|xla|hpu|mps|maia|vulkan|mtia|xpu)"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="list the names that are not there")
    if parser.parse_args().missing:
        for namespace in NAMESPACES:
            print(f"{namespace}: {' '.join(sorted(missing(namespace)))}\n")
        return 0
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


def table() -> str:
    """A line per namespace: how many of PyTorch's names there are, and how many of them minigrad has."""
    lines = ["| namespace | names in PyTorch | of these in minigrad |", "|---|---|---|"]
    for namespace in NAMESPACES:
        names = public_names(namespace)
        have = len(names) - len(missing(namespace))
        lines.append(f"| `{namespace}` | {len(names)} | {have} ({have / len(names):.0%}) |")
    return "\n".join(lines)


def missing(namespace: str) -> set[str]:
    """The names that PyTorch's namespace has and ours has not."""
    ours = found(minigrad, namespace)
    return {name for name in public_names(namespace) if not is_there(ours, name)}


def is_there(ours, name: str) -> bool:
    """Whether a name is there, and not to say that it is left out."""
    return not isinstance(getattr(ours, name, ABSENT), (LeftOut, absent_dtype))


def public_names(namespace: str) -> set[str]:
    """What a namespace offers for dense tensors: its functions and classes."""
    theirs = found(torch, namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        overridable = torch.overrides.get_overridable_functions().get(theirs)
    if overridable is not None:
        prefix = namespace.rpartition(".")[2] + "_"  # `torch.linalg.inv` calls itself linalg_inv
        names = {getattr(f, "__name__", "").removeprefix(prefix) for f in overridable}
        names = {name for name in names if hasattr(theirs, name)}
    else:
        own = {n for n, value in vars(theirs).items() if is_its_own(value, namespace)}
        names = set(getattr(theirs, "__all__", own)) & own
    return {n for n in names if not n.startswith("_") and not ELSEWHERE.search(n)}


def is_its_own(value, namespace: str) -> bool:
    """Whether something is a function or class that PyTorch defines."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return False
    return (getattr(value, "__module__", None) or "").startswith(namespace.rpartition(".")[0] or "torch")


def found(package, namespace: str):
    """A namespace of PyTorch, or ours of that name."""
    path = namespace.split(".")[1:]
    if path == ["Tensor"]:
        return package.Tensor
    try:
        return importlib.import_module(".".join([package.__name__, *path]))
    except ImportError:
        return None


if __name__ == "__main__":
    sys.exit(main())
