"""The ways in which `mutants.py` breaks a formula: small changes of its syntax tree, each with a name.

`mutations(function)` gives the changed copies of a function or lambda. A row of CHANGES is a kind of node and
what may stand in its place; what raises errors, documents or annotates is left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Function = ast.FunctionDef | ast.Lambda


class Mutation(NamedTuple):
    """A changed copy of a function: which change, at which line, and how the place read before and after."""

    function: Function
    kind: str
    line: int
    before: str
    after: str


#: an operator, and what may be mistaken for it
OPERATORS: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Div: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
#: NumPy's name for an operation, and one that may be mistaken for it
NAMES = dict(
    zip(
        "add subtract multiply divide maximum minimum max min sum mean".split(),
        "subtract add divide multiply minimum maximum min max mean sum".split(),
        strict=True,
    )
)
#: calls that mean the same with two arguments swapped
SYMMETRIC = set(
    """add multiply maximum minimum max min mul einsum swapaxes diagonal inner_sums inner_totals masked
    times_factors _distance2 _totals""".split()
)
#: calls that say how something is stored or counted, not what it is worth
PLAIN = set("len tuple list dict range slice isinstance type set map zip super int".split())
#: settings of calls that change no value
IDLE = {"strict", "copy", "dtype", "out"}


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def only_raises(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and all(isinstance(s, ast.Raise) for s in node.body)


def is_sequence(node: ast.AST) -> bool:
    return isinstance(node, (ast.Tuple, ast.List, ast.JoinedStr, ast.ListComp))


# ---- changes -------------------------------------------------------------------------------------
def negative(value: ast.expr) -> Iterator[ast.expr]:
    """A result with its sign flipped; of several results, one after the other."""
    if isinstance(value, ast.Tuple):
        for place, element in enumerate(value.elts):
            for flipped in negative(element):
                yield ast.Tuple([*value.elts[:place], flipped, *value.elts[place + 1 :]], ast.Load())
    elif isinstance(value, ast.IfExp):
        for flipped in negative(value.body):
            yield ast.IfExp(value.test, flipped, value.orelse)
    elif not isinstance(value, (ast.Constant, ast.UnaryOp, ast.Starred, *COLLECTIONS)) and not is_zero(value):
        yield ast.UnaryOp(ast.USub(), value)


def is_zero(value: ast.expr) -> bool:
    """Whether this is something times 0, which has no sign."""
    return isinstance(value, ast.BinOp) and isinstance(value.right, ast.Constant) and value.right.value == 0


COLLECTIONS = (ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.BoolOp)


def of_result(node: ast.Return | ast.Lambda, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    value = node.value if isinstance(node, ast.Return) else node.body
    for flipped in [] if value is None else negative(value):
        new = ast.Return(flipped) if isinstance(node, ast.Return) else ast.Lambda(node.args, flipped)
        yield "sign flipped", new


def of_unary(node: ast.UnaryOp, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield "sign dropped", node.operand


def of_binary(node: ast.BinOp, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    if is_sequence(node.left) or is_sequence(node.right):
        return
    for other in OPERATORS.get(type(node.op), []):
        yield "operator changed", ast.BinOp(node.left, other(), node.right)
    if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult)):
        yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)):
        yield "factor dropped", node.left
    if isinstance(node.op, ast.Mult):
        yield "factor dropped", node.right


def of_choice(node: ast.BoolOp, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield "operator changed", ast.BoolOp(OPERATORS[type(node.op)][0](), node.values)


def of_comparison(node: ast.Compare, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    if len(node.ops) == 1:
        for other in OPERATORS.get(type(node.ops[0]), []):
            yield "comparison changed", ast.Compare(node.left, [other()], node.comparators)


def of_constant(node: ast.Constant, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "switch turned", ast.Constant(not value)
    elif isinstance(value, int) and indexing:
        yield "constant changed", ast.Constant(value + 1)
    elif isinstance(value, (int, float, complex)):
        yield "constant changed", ast.Constant(value * 1.01 or 0.01)


def of_call(node: ast.Call, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    arguments = node.args
    if name in PLAIN or any(isinstance(a, ast.Starred) for a in arguments):
        return
    if isinstance(node.func, ast.Attribute) and name in NAMES:
        other = ast.Attribute(node.func.value, NAMES[name], ast.Load())
        yield "operation changed", ast.Call(other, arguments, node.keywords)
    if len(arguments) > 1 and name not in SYMMETRIC:
        first, second, *rest = arguments
        yield "operands swapped", ast.Call(node.func, [second, first, *rest], node.keywords)
    if len(arguments) > 2 and name not in SYMMETRIC:
        *rest, one, other = arguments
        yield "operands swapped", ast.Call(node.func, [*rest, other, one], node.keywords)
    method = isinstance(node.func, ast.Attribute) and not is_module(node.func.value)
    if method or arguments:
        yield "call dropped", node.func.value if method else arguments[0]


def is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "math")


def of_attribute(node: ast.Attribute, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    if node.attr in ("T", "mT", "real", "imag"):
        yield "transpose dropped" if "T" in node.attr else "part dropped", node.value


def of_condition(node: ast.IfExp, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield "always", node.body
    yield "never", node.orelse


def of_branch(node: ast.If, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield "always", ast.If(ast.Constant(True), node.body, node.orelse)
    yield "never", ast.If(ast.Constant(False), node.body, node.orelse)


def of_update(node: ast.AugAssign, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    for other in OPERATORS.get(type(node.op), []):
        yield "operator changed", ast.AugAssign(node.target, other(), node.value)
    yield "statement dropped", ast.Pass()


def of_assignment(node: ast.Assign, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    if all(isinstance(t, ast.Subscript) for t in node.targets):
        yield "statement dropped", ast.Pass()


def of_statement(node: ast.Expr, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield "statement dropped", ast.Pass()


CHANGES: dict[type, Callable] = {
    ast.Lambda: of_result,
    ast.Return: of_result,
    ast.UnaryOp: of_unary,
    ast.BinOp: of_binary,
    ast.BoolOp: of_choice,
    ast.Compare: of_comparison,
    ast.Constant: of_constant,
    ast.Call: of_call,
    ast.Attribute: of_attribute,
    ast.IfExp: of_condition,
    ast.If: of_branch,
    ast.AugAssign: of_update,
    ast.Assign: of_assignment,
    ast.Expr: of_statement,
}


# ---- places --------------------------------------------------------------------------------------
def parts(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """A node's children: field, place in the field's list, child."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            yield from ((field, i, v) for i, v in enumerate(value) if isinstance(v, ast.AST))
        elif isinstance(value, ast.AST):
            yield field, None, value


def places(node: ast.AST, path: tuple = (), indexing: bool = False) -> Iterator[tuple[tuple, ast.AST, bool]]:
    """Every node that may be changed: the way to it, itself, and whether numbers in it are indices."""
    yield path, node, indexing
    for field, i, child in parts(node):
        if field in ("args", "decorator_list", "annotation", "returns") and not isinstance(node, ast.Call):
            continue
        if isinstance(child, (ast.Raise, ast.JoinedStr)) or is_text(child) or only_raises(child):
            continue
        if isinstance(child, ast.keyword) and child.arg in IDLE:
            continue
        plain = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLAIN
        inside = indexing or (isinstance(node, ast.Subscript) and field == "slice") or plain
        inside = inside or isinstance(node, (ast.keyword, ast.Tuple))
        yield from places(child, (*path, (field, i)), inside)


def replaced(root: ast.AST, path: tuple, new: ast.AST) -> ast.AST:
    """A copy of the tree with another node at a place."""
    if not path:
        return new
    copied = copy.deepcopy(root)
    holder = copied
    for field, i in path[:-1]:
        holder = getattr(holder, field) if i is None else getattr(holder, field)[i]
    field, i = path[-1]
    if i is None:
        setattr(holder, field, new)
    else:
        getattr(holder, field)[i] = new
    return copied


def mutations(function: Function) -> Iterator[Mutation]:
    """Every changed copy of a function that reads differently from it and from those before."""
    seen = {ast.unparse(function)}
    found = {path: (node, indexing) for path, node, indexing in places(function)}
    for path, (node, indexing) in found.items():
        change = CHANGES.get(type(node), nothing)
        around = found[path[:-1]][0] if path and not isinstance(node, ast.stmt) else node
        for kind, new in change(node, indexing):
            changed: Any = replaced(function, path, copy.deepcopy(new))
            text = ast.unparse(ast.fix_missing_locations(ast.copy_location(changed, function)))
            if text not in seen:
                seen.add(text)
                instead = replaced(around, path[-1:], new) if around is not node else new
                yield Mutation(
                    changed, kind, getattr(node, "lineno", 0), first_line(around), first_line(instead)
                )


def nothing(node: ast.AST, indexing: bool) -> Iterator[tuple[str, ast.AST]]:
    yield from ()


def first_line(node: ast.AST) -> str:
    """How a node reads, without the block under it."""
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split("\n")[0]
