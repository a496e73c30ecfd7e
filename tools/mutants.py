"""Breaks the gradient formulas of ops, one small change at a time, and counts those that tests notice.

    python tools/mutants.py [--only PATTERN] [--jobs N] [--list]

What is broken: the formulas handed to `@primitive`, the backward functions of `Variadic` and `Fused` ops, and
the helpers that only these call. How: `mutations.py` changes the syntax tree; the changed code takes the
place of the function's own (`__code__`), so that whoever holds the function runs it. Which tests are asked: a
first run of all of them notes which functions each enters; then each change is tried in a process of its own,
forked from that run, against the tests that enter its function, what is quick and about few functions first,
until one fails. Survivors are printed; the exit status tells whether enough were caught. `EQUIVALENT` in
`equivalent_mutants.py` has the changes that change nothing, each with the reason.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
import signal
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import pytest  # noqa: E402
from _pytest.runner import runtestprotocol  # noqa: E402
from equivalent_mutants import EQUIVALENT  # noqa: E402
from hypothesis import Phase, settings  # noqa: E402
from mutations import Mutation, mutations  # noqa: E402

from minigrad.engine import primitive  # noqa: E402
from minigrad.fused import Fused, variadic  # noqa: E402

#: tests of other things: they enter formulas, but only on the way
ELSEWHERE = (
    "amp checkpoint cuda_standin data datasets docs download examples files_survive imports lazy "
    "left_out lr_scheduler module optim optim_failures optim_state optim_tensorwise reading readme "
    "return_types safetensors sequences serialization steadiness swa_utils viz workers"
)
#: settings of @primitive that are no formulas
SETTINGS = ("promote", "explain", "arity", "views", "holomorphic", "numbers")
PATIENCE = 30  # seconds beyond ten times what a test took, after which it counts as failed


class Target(NamedTuple):
    """A function that takes part in a gradient: where it is written, and the object itself."""

    file: str
    name: str
    tree: ast.FunctionDef | ast.Lambda
    function: types.FunctionType


# ---- what to break -------------------------------------------------------------------------------
def formulas_of(module, tree: ast.Module) -> Iterator[tuple[str, ast.Lambda, types.FunctionType]]:
    """The lambdas written in a module's decorators, each with the function that the op holds."""
    for function in [n for n in tree.body if isinstance(n, ast.FunctionDef)]:
        for decorator in [d for d in function.decorator_list if isinstance(d, ast.Call)]:
            made = getattr(module, function.name)
            for k in decorator.keywords:
                if k.arg not in SETTINGS and isinstance(k.value, ast.Lambda) and not refuses(k.value):
                    yield f"{function.name}.{k.arg}", k.value, made.op.formulas[k.arg]
            if decorator.args and isinstance(decorator.args[0], ast.Lambda):
                yield f"{function.name}.tensors", decorator.args[0], made.gradients


def refuses(formula: ast.Lambda) -> bool:
    """Whether a formula is only an error, saying that there is none."""
    return isinstance(formula.body, ast.Call) and getattr(formula.body.func, "id", "") == "not_differentiable"


def functions_of(module, tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, types.FunctionType]]:
    """The undecorated functions of a module, and the methods of its classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            yield node.name, node, getattr(module, node.name)
        for method in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(method, ast.FunctionDef) and not method.decorator_list:
                made = getattr(module, node.name)
                yield f"{node.name}.{method.name}", method, vars(made)[method.name]


def handed_on(module, tree: ast.Module) -> Iterator[ast.expr]:
    """What a module's ops take gradients from, as it is written: in @primitive, @variadic and Fused."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    for call in calls:
        made = getattr(module, call.func.id, None)  # type: ignore
        if made is primitive or getattr(made, "func", None) is primitive:
            yield from (k.value for k in call.keywords if k.arg not in SETTINGS)
        elif made in (variadic, Fused):
            yield call.args[made is Fused]


def named_in(tree: ast.AST, scope: dict) -> set:
    """The functions that a piece of code names; of methods, their names."""
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    methods = {"." + n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    return methods | {scope[n] for n in names if isinstance(scope.get(n), types.FunctionType)}


def targets() -> list[Target]:
    """All formulas, and helpers in `ops` that they reach and values do not: tests of values hold those."""
    formulas, helpers, wanted, values = [], [], set(), set()
    for path in sorted((ROOT / "minigrad" / "ops").rglob("*.py")):
        file, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
        module = importlib.import_module(file[:-3].replace("/", ".").removesuffix(".__init__"))
        wanted |= {f for value in handed_on(module, tree) for f in named_in(value, vars(module))}
        values |= {f for body in bodies_of_ops(tree) for f in named_in(body, vars(module))}
        formulas += [Target(file, *rest) for rest in formulas_of(module, tree)]
        helpers += [Target(file, *rest) for rest in functions_of(module, tree)]
    reached, others = reach(helpers, wanted, belongs)
    values |= {f for t in others for f in named_in(t.tree, t.function.__globals__)}
    shared, _ = reach(reached, values, lambda helper, found: helper.function in found)
    return formulas + [t for t in reached if t not in shared]


def reach(helpers: list[Target], wanted: set, belong) -> tuple[list[Target], list[Target]]:
    """Those among the helpers that are wanted, or that these name in turn; and the others."""
    reached: list[Target] = []
    while more := [h for h in helpers if belong(h, wanted)]:
        reached += more
        helpers = [h for h in helpers if h not in more]
        wanted = wanted | {f for t in more for f in named_in(t.tree, t.function.__globals__)}
    return reached, helpers


def bodies_of_ops(tree: ast.Module) -> list[ast.stmt]:
    """What stands under decorators: the values of ops."""
    return [s for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list for s in n.body]


def belongs(helper: Target, wanted: set) -> bool:
    """Whether a helper is among the functions wanted; a method, if it is of a walk back, by its name."""
    owner, _, name = helper.name.rpartition(".")
    if owner:
        return owner in BACKWARD_CLASSES and ("." + name in wanted or owner != "Kernel")
    return helper.function in wanted


BACKWARD_CLASSES = ("Kernel", "Back", "RNNBack", "GRUBack", "LSTMBack")


# ---- how to break it -----------------------------------------------------------------------------
def code_of(tree: ast.AST, target: Target) -> types.CodeType:
    """A function's code, compiled from its changed tree."""
    if isinstance(tree, ast.Lambda):
        module = compile(ast.Expression(tree), target.file, "eval", dont_inherit=True)
    else:
        owner, _, _ = target.name.rpartition(".")
        body = ast.ClassDef(owner, [], [], [tree], []) if owner else tree
        whole = ast.fix_missing_locations(ast.Module([body], []))
        module = compile(whole, target.file, "exec", dont_inherit=True)
        module = codes_in(module)[0] if owner else module
    return codes_in(module)[0]


def codes_in(code: types.CodeType) -> list[types.CodeType]:
    return [c for c in code.co_consts if isinstance(c, types.CodeType)]


def telling(target: Target, number: int) -> types.CodeType:
    """The function's code, which tells first that it was entered."""
    call = ast.parse(f"_entered({number})").body[0]
    if isinstance(target.tree, ast.Lambda):
        both = ast.Tuple([call.value, target.tree.body], ast.Load())  # type: ignore
        body = ast.Subscript(both, ast.Constant(1), ast.Load())
        tree: ast.AST = ast.Lambda(target.tree.args, body)
    else:
        tree = ast.FunctionDef(target.tree.name, target.tree.args, [call, *target.tree.body], [])
    return code_of(ast.fix_missing_locations(ast.copy_location(tree, target.tree)), target)


# ---- which tests notice --------------------------------------------------------------------------
class Mutants:
    """A pytest plugin that, in place of running the tests, does all of the above with them."""

    def __init__(self, chosen: list[Target], jobs: int):
        self.targets, self.jobs = chosen, jobs
        self.results: list[tuple[Target, Mutation, str]] = []
        self.failed: list[str] = []

    def pytest_collection(self, session) -> None:
        """Before test modules are read: examples are the same each time, and are not made smaller."""
        settings.register_profile(
            "mutants",
            settings.get_profile("fixed"),
            phases=(Phase.explicit, Phase.generate),
            report_multiple_bugs=False,
            print_blob=False,
        )
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session) -> bool:
        self.find_tests(session.items)
        if not self.failed:
            self.try_all()
        return True

    def find_tests(self, items: list) -> None:
        """Run each test once, unbroken, and note what it enters; order tests for each function."""
        entered: set[int] = set()
        before = [t.function.__code__ for t in self.targets]
        for number, t in enumerate(self.targets):
            t.function.__globals__["_entered"] = entered.add
            t.function.__code__ = telling(t, number)
        runs = []
        for item in items:
            entered.clear()
            seconds = time.perf_counter()
            if not passes(item):
                self.failed.append(item.nodeid)
            runs.append((item, time.perf_counter() - seconds, set(entered)))
        for t, code in zip(self.targets, before):
            t.function.__code__ = code
        # first what is quick and about few functions
        runs.sort(key=lambda run: run[1] * len(run[2]))
        self.tests = [[(i, s) for i, s, e in runs if number in e] for number in range(len(self.targets))]

    def try_all(self) -> None:
        """Each change in a process of its own, some at a time."""
        waiting = [(n, m) for n, t in enumerate(self.targets) for m in mutations(t.tree)]
        total, running, begun = len(waiting), {}, time.time()
        while waiting or running:
            while waiting and len(running) < self.jobs:
                number, mutation = waiting.pop()
                process, answer = self.fork(number, mutation)
                running[process] = number, mutation, answer
            process, status = os.wait()
            number, mutation, answer = running.pop(process)
            told = os.read(answer, 4096).decode() if not os.WIFSIGNALED(status) else "no end"
            os.close(answer)
            self.results.append((self.targets[number], mutation, told))
            if not told:
                print(f"survives: {line(self.targets[number], mutation)}", flush=True)
            if len(self.results) % 100 == 0:
                print(f"{len(self.results)} of {total} tried, {time.time() - begun:.0f} s", flush=True)

    def fork(self, number: int, mutation: Mutation) -> tuple[int, int]:
        """A process that tries one change and writes down what noticed it."""
        reading, writing = os.pipe()
        process = os.fork()
        if process:
            os.close(writing)
            return process, reading
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            os.write(writing, self.noticed_by(number, mutation).encode()[:4000])
        finally:
            os._exit(0)

    def noticed_by(self, number: int, mutation: Mutation) -> str:
        """The first test that fails with this change; "" if none does."""
        target = self.targets[number]
        try:
            target.function.__code__ = code_of(mutation.function, target)
        except (ValueError, SyntaxError) as error:
            return f"no code: {error}"
        for item, seconds in self.tests[number]:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE + 10 * seconds)
            if not passes(item):
                return item.nodeid
        return ""


def passes(item) -> bool:
    """Whether a test passes, its setup and teardown with it."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


# ---- the command ---------------------------------------------------------------------------------
def key(target: Target, mutation: Mutation) -> str:
    """What tells a mutation from others, wherever its lines move to."""
    file = target.file.removeprefix("minigrad/ops/")
    return f"{file}:{target.name}: {mutation.before} -> {mutation.after}"


def line(target: Target, mutation: Mutation) -> str:
    place = f"{target.file}:{mutation.line} {target.name}"
    return f"{place}: {mutation.kind}: {mutation.before}  ->  {mutation.after}"


def report(results: list, least: float, whole: bool) -> int:
    """Print the survivors and the score; 1 if too few were caught."""
    results = [r for r in results if not r[2].startswith("no code")]
    keys = {key(t, m) for t, m, _ in results}
    stale = [k for k in EQUIVALENT if k not in keys] if whole else []
    counted = [r for r in results if key(*r[:2]) not in EQUIVALENT]
    survivors = [r for r in counted if not r[2]]
    for target, mutation, _ in sorted(survivors, key=lambda r: (r[0].file, r[1].line)):
        print(line(target, mutation))
    for wrong in [line(t, m) for t, m, told in results if told and key(t, m) in EQUIVALENT]:
        print(f"said to change nothing, but caught: {wrong}")
    for k in stale:
        print(f"said to change nothing, but not there: {k}")
    share = 100 * (1 - len(survivors) / max(len(counted), 1))
    said = f"{len(counted) - len(survivors)} of {len(counted)} caught, {share:.1f} %"
    print(f"{said}; {len(results) - len(counted)} more change nothing that a test could see")
    return int(share < least)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="break only functions with file:name matching this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--least", type=float, default=95.0, help="the percentage that must be caught")
    parser.add_argument("--list", action="store_true", help="print the changes, try none")
    parser.add_argument("tests", nargs="*", help="test files, if not all that concern gradients")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    chosen = [t for t in targets() if re.search(arguments.only, f"{t.file}:{t.name}")]
    if arguments.list:
        print("\n".join(line(t, m) for t in chosen for m in mutations(t.tree)))
        return 0
    begun = time.time()
    plugin = Mutants(chosen, arguments.jobs)
    ignored = [f"--ignore=tests/test_{name}.py" for name in ELSEWHERE.split()]
    options = [
        "-o",
        "addopts=",
        "-s",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
        *ignored,
    ]
    pytest.main([*options, *(arguments.tests or ["tests"])], [plugin])
    for name in plugin.failed:
        print(f"fails unbroken: {name}")
    if plugin.failed or not plugin.results:
        return 2
    code = report(plugin.results, arguments.least, not arguments.only)
    print(f"{time.time() - begun:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
