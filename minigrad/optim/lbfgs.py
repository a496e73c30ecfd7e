"""L-BFGS: Newton's method with curvature guessed from the last gradients, and its line search.

Read `LBFGS.step` first, then `Memory.direction` (the two-loop recursion) and `strong_wolfe`. Nocedal and
Wright, "Numerical optimization" (2006): algorithms 7.4, 7.5 for the first two, 3.5, 3.6 for the search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..engine import recording_mode, untracked
from ..tensor import Tensor
from .optimizer import Group, Optimizer, ParamsT, check_lr


class LBFGS(Optimizer):
    """Up to `max_iter` quasi-Newton steps, and about `max_eval` evaluations, per call of `step(closure)`.

    Without `line_search_fn` each step has length `lr` (the first one less, where the gradient is large); with
    "strong_wolfe" the step length is searched for. It stops where the largest gradient is below
    `tolerance_grad`, or a step or the loss changes by less than `tolerance_change`. It remembers the last
    `history_size` steps, each two arrays as large as all parameters together. One parameter group only. If
    the closure raises, parameters and state are left as they were.
    """

    def __init__(
        self,
        params: ParamsT,
        lr=1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable):  # type: ignore[override]
        """Minimise; `closure` clears the gradients, computes the loss, calls backward() and returns the loss.

        Returns the loss before the first step.
        """
        (group,) = self.param_groups
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        objective = Objective(group["params"], closure)
        memory = Memory(self.state.get(group["params"][0], {}), group["history_size"])
        start = objective.position()
        try:
            loss, f, g = objective.evaluate()
            if not _largest(g) <= group["tolerance_grad"]:
                _minimise(objective, memory, group, f, g)
        except BaseException:
            objective.move_to(start)
            raise
        memory.evaluations += objective.evaluations
        memory.save(self.state[group["params"][0]])
        return loss


def _minimise(objective: Objective, memory: Memory, group: Group, f: float, g) -> None:
    lr, max_iter = float(group["lr"]), group["max_iter"]
    for iteration in range(1, max_iter + 1):
        memory.learn(g)
        d = memory.d = memory.direction(g)
        memory.g, memory.f = g.copy(), f
        memory.t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr if memory.iterations == 1 else lr
        slope = float(np.dot(g, d))
        if slope > -group["tolerance_change"]:
            return
        if group["line_search_fn"] is not None:
            most = group["max_eval"] - objective.evaluations
            here = Point(0.0, f, g, slope)
            point = strong_wolfe(
                objective.along(d), here, memory.t, _largest(d), group["tolerance_change"], most
            )
            memory.t, f, g = point.t, point.f, point.g
            objective.move(memory.t, d)
        else:
            objective.move(memory.t, d)
            if iteration == max_iter:
                return  # where f is noisy, what is not needed is not worth another evaluation
            _, f, g = objective.evaluate()
        if objective.evaluations >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
            return
        change = group["tolerance_change"]
        if _largest(d) * abs(memory.t) <= change or abs(f - memory.f) < change:
            return


class Objective:
    """The closure as a function of one flat vector: all parameters one after another."""

    def __init__(self, params: list, closure: Callable):
        self.params, self.closure = params, closure
        self.evaluations = 0

    def evaluate(self) -> tuple[Any, float, Any]:
        """What the closure returns, that as a number, and the gradient."""
        self.evaluations += 1
        with recording_mode(True):
            loss = self.closure()
        f = loss.item() if isinstance(loss, Tensor) else float(loss)
        return loss, f, self._flat([self._gradient(p) for p in self.params])

    def _gradient(self, p: Tensor):
        if p.held_grad is None:
            return np.zeros_like(p.array)
        if p.held_grad.array.shape != p.array.shape:
            raise RuntimeError(
                f"LBFGS: a parameter of shape {tuple(p.array.shape)} has a gradient of shape "
                f"{tuple(p.held_grad.array.shape)}; call zero_grad() in the closure"
            )
        return p.held_grad.array

    def _flat(self, arrays: list):
        return np.concatenate([_real(np.ravel(a)) for a in arrays])

    def position(self) -> list:
        return [p.array.copy() for p in self.params]

    def move_to(self, position: list) -> None:
        for p, array in zip(self.params, position, strict=True):
            p.array[...] = array
            p.version[0] += 1

    def move(self, t: float, d) -> None:
        """Add t * d to the parameters."""
        end = 0
        for p in self.params:
            flat = _real(p.array.reshape(-1)) if p.array.flags.c_contiguous else _real(p.array.ravel())
            start, end = end, end + flat.size
            flat += t * d[start:end]
            if not p.array.flags.c_contiguous:
                p.array[...] = flat.view(p.array.dtype).reshape(p.array.shape)
            p.version[0] += 1

    def along(self, d) -> Callable[[float], Point]:
        """The function on the line from here in the direction d; parameters stay where they are."""
        here = self.position()

        def at(t: float) -> Point:
            self.move(t, d)
            _, f, g = self.evaluate()
            self.move_to(here)
            return Point(t, f, g, float(np.dot(g, d)))

        return at


class Memory:
    """What is carried from one iteration to the next, and in the state from one step to the next."""

    def __init__(self, state: dict, size: int):
        self.size = size
        self.iterations = state.get("n_iter", 0)
        self.evaluations = state.get("func_evals", 0)
        self.d, self.g = _array(state.get("d")), _array(state.get("prev_flat_grad"))
        self.t, self.f = _number(state.get("t")), state.get("prev_loss")
        self.changes = [_array(y) for y in state.get("old_dirs") or []]  # y: how the gradient changed
        self.steps = [_array(s) for s in state.get("old_stps") or []]  # s: over which step
        self.rho = [_number(r) for r in state.get("ro") or []]  # 1 / (y . s)
        self.scale = _number(state.get("H_diag", 1))
        self.alpha: list[float] = []

    def learn(self, g) -> None:
        """Take in how the gradient has changed over the last step, where the curvature is positive."""
        self.iterations += 1
        if self.iterations == 1:
            self.changes, self.steps, self.rho, self.scale = [], [], [], 1.0
            return
        y, s = g - self.g, self.d * self.t
        curvature = float(np.dot(y, s))
        if not curvature > 1e-10:
            return
        for known, new in ((self.changes, y), (self.steps, s), (self.rho, 1.0 / curvature)):
            if len(known) == self.size:
                known.pop(0)
            known.append(new)
        self.scale = curvature / float(np.dot(y, y))

    def direction(self, g):
        """-H g, with the inverse Hessian H that fits the remembered steps."""
        d = -g
        pairs = list(zip(self.changes, self.steps, self.rho, strict=True))
        alpha = []
        for y, s, rho in reversed(pairs):
            alpha.append(float(np.dot(s, d)) * rho)
            d -= alpha[-1] * y
        self.alpha = alpha[::-1]
        d *= self.scale
        for (y, s, rho), a in zip(pairs, self.alpha, strict=True):
            d += (a - float(np.dot(y, d)) * rho) * s
        return d

    def save(self, state: dict) -> None:
        """Write it in PyTorch's layout: all of it into the first parameter's state."""
        state.update(func_evals=self.evaluations, n_iter=self.iterations)
        if self.d is None:
            return
        dtype = self.d.dtype
        rho, alpha = ([_scalar(x, dtype) for x in xs] for xs in (self.rho, self.alpha))
        state["d"], state["t"] = untracked(self.d), self.t
        state["old_dirs"], state["old_stps"] = [
            [untracked(a) for a in known] for known in (self.changes, self.steps)
        ]
        state["ro"], state["H_diag"] = rho, _scalar(self.scale, dtype) if rho else 1
        state["prev_flat_grad"], state["prev_loss"] = untracked(self.g), self.f
        if self.iterations > 1:
            state["al"] = alpha + [None] * (self.size - len(alpha))


class Point(NamedTuple):
    """A place on the line that is searched: step length, loss, gradient, and slope along the line."""

    t: float
    f: float
    g: Any
    slope: float


def strong_wolfe(at: Callable, start: Point, t: float, reach: float, tolerance: float, most: int) -> Point:
    """A point where the loss is lower in proportion to the step and the slope is flatter than at the start.

    `reach` is the largest element of the direction. At most `most` points are tried after the first; then the
    lowest of the two that enclose the rest of the line is taken.
    """
    bracket, tried, found = _enclose(at, start, t, most)
    if found:
        return found
    stuck = False
    while tried < most and abs(bracket[1].t - bracket[0].t) * reach >= tolerance:
        low = _lower(bracket)
        t, stuck = _inside(_cubic_minimum(bracket[0], bracket[1]), bracket, stuck)
        point = at(t)
        tried += 1
        if not _falls(start, point) or point.f >= bracket[low].f:
            bracket[1 - low] = point
            continue
        if _is_flat(start, point):
            return point
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[_lower(bracket)]


def _enclose(at: Callable, start: Point, t: float, most: int) -> tuple[list[Point], int, Point | None]:
    """Go on until two points enclose a good one: these, how many were tried, the good one if met."""
    before, point = start, at(t)
    for tried in range(most):
        if not _falls(start, point) or (tried > 1 and point.f >= before.f):
            return [before, point], tried, None
        if _is_flat(start, point):
            return [], tried, point
        if point.slope >= 0:
            return [before, point], tried, None
        bounds = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, at(_cubic_minimum(before, point, bounds))
    return [start, point], most, None


def _falls(start: Point, point: Point) -> bool:
    """Armijo's condition: the loss falls by a share of what the slope promised."""
    return not point.f > start.f + 1e-4 * point.t * start.slope


def _is_flat(start: Point, point: Point) -> bool:
    """The curvature condition: the slope has become flatter."""
    return abs(point.slope) <= -0.9 * start.slope


def _lower(bracket: list[Point]) -> int:
    return 0 if bracket[0].f <= bracket[1].f else 1


def _inside(t: float, bracket: list[Point], stuck: bool) -> tuple[float, bool]:
    """Keep a trial from the ends of its interval if the last one was there too; say whether this one is."""
    left, right = sorted((bracket[0].t, bracket[1].t))
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic with these values and slopes at two points is lowest, within bounds."""
    if a.t > b.t:
        a, b = b, a
    left, right = bounds or (a.t, b.t)
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (left + right) / 2
    d2 = math.sqrt(square)
    width = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width) if width else math.nan
    return min(max(t, left), right)


def _largest(array) -> float:
    return float(np.abs(array).max())


def _real(array):
    return array.view(array.real.dtype) if array.dtype.kind == "c" else array


def _array(tensor):
    return None if tensor is None else tensor.array


def _number(x) -> float:
    return math.nan if x is None else float(x)


def _scalar(x: float, dtype) -> Tensor:
    return untracked(np.asarray(x, dtype))
