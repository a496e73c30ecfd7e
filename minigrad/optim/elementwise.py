"""One rule, two speeds: how an optimizer's rule is carried out on a group of parameters.

`ElementwiseOptimizer` is what SGD, Adam and their like are made of: each says what it remembers and how one
element moves, in NumPy operations that write into given arrays. As a rule treats every element alike, it does
not matter how the elements are brought to it, and `layout.py` brings them in the faster of two ways.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .layout import Layout
from .optimizer import Group, Optimizer, evaluated, with_gradient


class ElementwiseOptimizer(Optimizer):
    """An optimizer that moves every element by the same rule.

    A subclass names what it remembers (`_buffers`, arrays shaped like the parameter; `scalars`, one number
    per parameter, which a leading underscore keeps out of `state`), computes once per step what is the same
    for all elements (`_numbers`), and has the rule itself (`_rule`).
    """

    scalars: tuple[str, ...] = ("step",)
    reads_parameter = False  # whether the rule looks at the parameter's own value

    def __init__(self, params, defaults: Group):
        self._layouts: dict[int, Layout] = {}
        super().__init__(params, defaults)

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self._layouts = {}
        for group in self.param_groups:
            self._check_group(group)

    def _check_group(self, group: Group) -> None:
        name = type(self).__name__
        if group.get("fused") and group.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if group.get("differentiable"):
            raise NotImplementedError(
                f"{name}: differentiable=True is not supported: gradients do not flow through step(); "
                "write the update with tensor operations instead"
            )
        if group.get("capturable"):
            raise NotImplementedError(
                f"{name}: capturable=True is not supported: there is no graph capture; leave it False"
            )

    def _buffers(self, group: Group) -> tuple[str, ...]:
        """The names of the state arrays that this group's options ask for."""
        return ()

    def _initial(self, name: str, group: Group) -> float:
        """What a state array or scalar starts from."""
        return 0.0

    def _decay(self, group: Group) -> tuple[float, float]:
        """Weight decay: the share of p that joins the gradient, and the share taken from p directly."""
        decay = float(group["weight_decay"])
        return (0.0, float(group["lr"]) * decay) if group.get("decoupled_weight_decay") else (decay, 0.0)

    #: _numbers(group, *scalars before the step): the numbers the rule needs, and the scalars after the step
    _numbers: Callable[..., tuple[tuple, tuple]]

    @staticmethod
    def _rule(numbers: tuple, p, g, state: tuple, work: tuple) -> None:
        """Update the state arrays from the gradient g, and leave in work[0] what is to be subtracted from p.

        p and g are not to be written to, and p is None unless `reads_parameter`; work[1] is free to use.
        """
        raise NotImplementedError

    def step(self, closure=None):
        """Update the parameters that have a gradient; returns the loss of `closure`, if one is given.

        Raises RuntimeError where a gradient does not fit its parameter, and then nothing has changed:
        whatever can fail is done for all groups before the first write.
        """
        loss = evaluated(closure)
        waiting = [(i, *with_gradient(self, i, group)) for i, group in enumerate(self.param_groups)]
        while waiting:
            ready = [self._prepared(*each) for each in waiting if each[1]]
            for layout, runs, scalars, params, _ in ready:
                layout.carry_out(self, runs, scalars, params)
            waiting = [repeated for *_, repeated in ready if repeated]
        return loss

    def _prepared(self, number: int, params: list, arrays: list, grads: list) -> tuple:
        """A group's layout, a new one if something has changed, and what is to be done on it."""
        layout = self._layouts.get(number)
        names = self._buffers(self.param_groups[number])
        places = None if layout is None else layout.places_of(self, names, params, arrays)
        if layout is None or places is None:
            layout = self._layouts[number] = Layout(self, number, params)
            places = layout.numbers_of(params)
        return layout, *layout.prepared(self, places, params, arrays, grads)


# ---- what rules are made of ----------------------------------------------------------------------
def move_towards(mean, x, share: float, scratch) -> None:
    """mean += share * (x - mean): the running average that forgets a share of itself at each step."""
    np.subtract(x, mean, scratch)
    scratch *= share
    mean += scratch


def average_square(mean, x, keep: float, scratch) -> None:
    """mean = keep * mean + (1 - keep) * x**2."""
    np.multiply(x, x, scratch)
    scratch *= 1 - keep
    mean *= keep
    mean += scratch
