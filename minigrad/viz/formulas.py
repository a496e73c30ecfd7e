"""Where an op's gradient formulas stand in the source, and how they are written there."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from functools import cache
from typing import Any, NamedTuple

from ..engine import Primitive

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Formula(NamedTuple):
    """A formula as its source has it, and the file and line it stands in."""

    words: str
    place: str


def formula_of(op: Any, argument: int) -> Formula:
    """How an op makes the gradient of one of its differentiable arguments, counted as a Node's edges are."""
    if isinstance(op, Primitive):
        parameter = op.differentiable[argument]
        formula = inspect.unwrap(op.formulas[parameter])
        words = _written(op).get(parameter) or f"{formula.__name__}({', '.join(('g', *op.named[parameter]))})"
        return Formula(words, place_of(formula))
    for name in ("backward", "gradients", "pull"):  # of a Fused op, a list of tensors, a Function
        function = getattr(op, name, None)
        if callable(function):
            return Formula(f"{getattr(function, '__name__', name)}(...)", place_of(function))
    return Formula("?", "")


def place_of(function) -> str:
    """file:line of a function, within the package without the path to it."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    file = code.co_filename
    if file.startswith(PACKAGE):
        file = os.path.join("minigrad", os.path.relpath(file, PACKAGE)).replace(os.sep, "/")
    return f"{file}:{code.co_firstlineno}"


@cache
def _written(op: Primitive) -> dict[str, str]:
    """The op's lambdas as its decorator has them; nothing where there is no source to be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(op.forward))))
    except (OSError, TypeError, SyntaxError):
        return {}
    (function,) = tree.body
    calls = [d for d in getattr(function, "decorator_list", ()) if isinstance(d, ast.Call)]
    keywords = {k.arg: k.value for call in calls for k in call.keywords if k.arg in op.formulas}
    return {str(p): ast.unparse(f.body) for p, f in keywords.items() if isinstance(f, ast.Lambda)}
