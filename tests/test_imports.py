"""Imports run one way, stand at the top of a file, and bring in NumPy and the standard library alone."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import minigrad

PACKAGE = Path(minigrad.__file__).parent

#: floors of the house, from the ground up: a module imports from its own floor and from those below
FLOORS = [
    [
        "__future__",
        "backend",
        "dtypes",
        "later",
        "layouts",
        "left_out",
        "openblas",
        "return_types",
        "size",
        "version",
    ],
    ["engine"],
    ["walk", "fused", "inplace", "gradients", "hooks", "graph", "random", "formatting", "containers"],
    ["ops"],
    [
        "tensor",
        "tensor_inplace",
        "tensor_interchange",
        "tensor_left_out",
        "tensor_methods",
        "tensor_types",
        "in_place",
    ],
    ["amp", "autograd", "backends", "cuda", "fft", "func", "linalg", "settings", "signal", "special"],
    ["nn.functional", "nn.init", "nn.parameter"],
    ["nn"],
    "accelerator datasets distributions hub jit onnx optim sequences serialization utils viz".split(),
    ["__main__"],
]
#: these see Tensor and never nn; who has to, is named with the reason
NEVER_NN = ("optim", "utils.data", "serialization", "viz")
BUT_FOR = {
    "optim.swa_utils": "averages the weights of a Module, as PyTorch's does",
    "serialization.tensors": "a file says which of its tensors are Parameters",
}
#: who may name CuPy, besides comments
CUPY = {
    "backend": "asks for it",
    "ops.elementwise": "its special functions",
}


def name_of(path: Path) -> str:
    """A file's module name within the package; the package itself is ''."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package, parsed."""
    return {name_of(p): ast.parse(p.read_text()) for p in sorted(PACKAGE.rglob("*.py"))}


def inside(module: str, place: str) -> bool:
    """Whether a module is `place` or within it."""
    return module == place or module.startswith(place + ".")


def floor_of(module: str) -> int:
    """The floor a module stands on, by the longest name that holds it; the package itself is the roof."""
    if not module:
        return len(FLOORS)
    found = [(len(place), n) for n, places in enumerate(FLOORS) for place in places if inside(module, place)]
    assert found, f"minigrad.{module} stands on no floor: add it to FLOORS"
    return max(found)[1]


def only_for_types(tree: ast.Module) -> set[ast.AST]:
    """What stands under `if TYPE_CHECKING:`, which nothing runs."""
    guarded = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {n for guard in guarded for n in ast.walk(guard)}


def import_statements(tree: ast.Module) -> list:
    skipped = only_for_types(tree)
    return [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and n not in skipped]


def imported(module: str, statement) -> set[str]:
    """The package's modules that a statement imports, by their names within the package."""
    if isinstance(statement, ast.Import):
        return {a.name.partition(".")[2] for a in statement.names if a.name.split(".")[0] == "minigrad"}
    if statement.level == 0:
        return {statement.module.partition(".")[2]} if statement.module.split(".")[0] == "minigrad" else set()
    is_package = (PACKAGE / module.replace(".", "/") / "__init__.py").exists()
    parts = [p for p in module.split(".") if p]
    parts = parts[: len(parts) - (statement.level - is_package)]
    source = ".".join([*parts, *([statement.module] if statement.module else [])])
    found = {f"{source}.{a.name}".lstrip(".") for a in statement.names}
    return {f if f in modules() else source for f in found}


@cache
def arrows() -> dict[str, set[str]]:
    """For every module the modules that it imports."""
    return {
        module: {i for s in import_statements(tree) for i in imported(module, s)}
        for module, tree in modules().items()
    }


def test_the_reading_of_imports_sees_what_there_is():
    assert len(modules()) > 80
    assert {"backend"} <= arrows()["engine"]
    assert {"engine", "ops.promotion"} <= arrows()["ops.elementwise"]
    assert "tensor" in arrows()[""]


def test_no_arrow_runs_up():
    up = [
        f"{a or 'minigrad'} imports {b}"
        for a, found in arrows().items()
        for b in found
        if floor_of(b) > floor_of(a)
    ]
    assert not up


def test_a_package_imports_its_own_modules_only_down():
    """Within a floor there is no cycle either: every module can be loaded before those that import it."""
    waiting = {m: {d for d in found if d != m} for m, found in arrows().items()}
    while waiting:
        ready = {m for m, found in waiting.items() if not found & waiting.keys()}
        assert ready, f"a cycle among {sorted(waiting)}"
        waiting = {m: found for m, found in waiting.items() if m not in ready}


@pytest.mark.parametrize("place", NEVER_NN)
def test_what_sees_tensors_never_sees_nn(place):
    for module in modules():
        if inside(module, place) and module not in BUT_FOR:
            assert not [i for i in arrows()[module] if inside(i, "nn")], module


def test_the_engine_knows_no_op_and_ops_know_no_layer():
    below = [m for m in modules() if m and floor_of(m) < 3]
    assert not [(m, i) for m in below for i in arrows()[m] if inside(i, "ops")]
    assert not [(m, i) for m in modules() if inside(m, "ops") for i in arrows()[m] if inside(i, "nn")]


def test_no_import_hides_in_a_function():
    """Only packages that are not required may be imported late."""
    late = [
        (module, ast.unparse(statement))
        for module, tree in modules().items()
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for statement in ast.walk(function)
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        and ((isinstance(statement, ast.ImportFrom) and statement.level) or imported(module, statement))
    ]
    assert not late


def test_no_star_imports():
    stars = [
        (m, s.lineno)
        for m, t in modules().items()
        for s in import_statements(t)
        if "*" in [a.name for a in s.names]
    ]
    assert not stars


def test_cupy_is_named_in_declared_places_only():
    named = {
        module
        for module, tree in modules().items()
        for s in import_statements(tree)
        if any(a.name.split(".")[0] in ("cupy", "cupyx") for a in s.names)
        or (isinstance(s, ast.ImportFrom) and (s.module or "").split(".")[0] in ("cupy", "cupyx"))
    }
    assert named == set(CUPY)


def test_no_attribute_is_set_on_a_class_of_another_file():
    """Methods are `def`s in their class: nothing is patched on from elsewhere."""
    patched = [
        (module, ast.unparse(target))
        for module, tree in modules().items()
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id in names_imported(tree)
    ]
    assert not patched


def names_imported(tree: ast.Module) -> set[str]:
    """The names that a module has from other files."""
    return {a.asname or a.name for s in import_statements(tree) for a in s.names}


# ---- what an import costs --------------------------------------------------------------------------------
def run(code: str, bytecode: Path) -> str:
    """What a fresh interpreter prints, with compiled files kept in a folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "OPENBLAS_NUM_THREADS": "1"
    }  # starting threads takes NumPy a time that has no upper bound
    environment |= {"PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


TIMED = """
import time
start = time.process_time()
import numpy
middle = time.process_time()
import minigrad
print(middle - start, time.process_time() - start)
"""


def test_import_takes_little_longer_than_numpys(tmp_path):
    """The quickest of several runs of each: other work on the machine only ever adds."""
    run(TIMED, tmp_path)
    times = [map(float, run(TIMED, tmp_path).split()) for _ in range(9)]
    numpys, both = map(min, zip(*times))
    assert both / numpys < 1.5, f"import minigrad takes {both / numpys:.2f} times as long as import numpy"


LOADED = """
import sys
import numpy
before = set(sys.modules)
import minigrad
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_import_brings_in_the_standard_library_alone(tmp_path):
    brought = set(run(LOADED, tmp_path).split())
    assert "minigrad" in brought
    assert brought <= {"minigrad"} | set(sys.stdlib_module_names)


def test_import_starts_no_thread_and_opens_no_file(tmp_path):
    code = (
        "import threading, minigrad, os; print(threading.active_count(), 'cupy' in __import__('sys').modules)"
    )
    assert run(code, tmp_path).split() == ["1", "False"]
