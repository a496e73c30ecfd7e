"""What one small op costs: 8x16 float32 arrays, where the time is the library's own."""

from __future__ import annotations

import operator
from collections.abc import Iterator

from .harness import Comparison, compare

CHAIN = 50

FORWARD = {
    "add": lambda x, y, w: lambda: x + y,
    "mul": lambda x, y, w: lambda: x * y,
    "mul by a number": lambda x, y, w: lambda: x * 2.0,
    "exp": lambda x, y, w: lambda: x.exp(),
    "tanh": lambda x, y, w: lambda: x.tanh(),
    "matmul": lambda x, y, w: lambda: x @ w,
    "sum": lambda x, y, w: lambda: x.sum(),
    "reshape": lambda x, y, w: lambda: x.reshape(16, 8),
    "x[2:6]": lambda x, y, w: lambda: x[2:6],
}
BOUND = 0.95
CHAINS = {"add": operator.add, "mul": operator.mul, "matmul": operator.matmul}


def operands(lib, graph: bool):
    """x and y (8, 16), w (16, 16); with `graph` x and w require grad."""
    lib.manual_seed(0)
    x, y, w = lib.rand(8, 16), lib.rand(8, 16) + 0.5, lib.rand(16, 16) / 8  # products stay above 1e-38
    return (x.requires_grad_(), y, w.requires_grad_()) if graph else (x, y, w)


def forward_backward(lib, op):
    """A chain of 50 ops, its sum, and the walk back."""
    x, y, w = operands(lib, graph=True)
    other = w if op is operator.matmul else y

    def step():
        x.grad = w.grad = None
        z = x
        for _ in range(CHAIN):
            z = op(z, other)
        z.sum().backward()

    return step


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for graph, label in ((False, "without graph"), (True, "with graph")):
        ours, theirs = operands(minigrad, graph), operands(torch, graph)
        for name, op in FORWARD.items():
            yield compare(f"{name}, {label}", op(*ours), op(*theirs), BOUND, seconds)
    for name, op in CHAINS.items():
        steps = forward_backward(minigrad, op), forward_backward(torch, op)
        yield compare(f"{name}, chain of {CHAIN}, forward and backward", *steps, BOUND, seconds)
