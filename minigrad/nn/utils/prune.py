"""Pruning: weights that are held at zero by a mask, chosen by size or by chance.

A pruned `weight` is computed before every forward pass as `weight_orig * weight_mask`, the one a parameter,
the other a buffer. Pruning again chooses among what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from ... import ops
from ...tensor import Tensor
from ..modules.module import Module
from .convert_parameters import parameters_to_vector
from .recomputed import Recomputed, hooks_of


class BasePruningMethod(Recomputed):
    """A way to choose what is pruned: a subclass says in `compute_mask` what stays (1) and what goes (0).

    PRUNING_TYPE is what it chooses among when something has been pruned before: "unstructured" the elements
    that are left, "structured" the slices along `dim` that are not all zero, "global" everything.
    """

    PRUNING_TYPE: str
    _tensor_name: Any = None

    @property
    def name(self):  # type: ignore[override]
        return self._tensor_name

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of `t`, whose mask so far is `default_mask`."""
        raise NotImplementedError

    def apply_mask(self, module: Module) -> Tensor:
        """The pruned weight."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        original = getattr(module, self._tensor_name + "_orig")
        return getattr(module, self._tensor_name + "_mask").to(original.dtype) * original

    compute_weight = apply_mask

    @classmethod
    def apply(cls, module: Module, name: str, *args, importance_scores: Tensor | None = None, **kwargs):
        """Prune a weight of a module by the sizes of `importance_scores`, by default its own; returns the
        method.
        """
        method = cls(*args, **kwargs)
        method._tensor_name = name
        weight = getattr(module, name)
        _check_scores(importance_scores, weight)
        scores = weight if importance_scores is None else importance_scores
        before = hooks_of(module, BasePruningMethod, name)
        if not before:
            return _first(module, name, method, method.compute_mask(scores, ops.ones_like(weight)))
        ((id, old),) = before.items()
        container = old if isinstance(old, PruningContainer) else PruningContainer(old)
        container.add_pruning_method(method)
        mask = container.compute_mask(scores, getattr(module, name + "_mask").detach().clone())
        del module._forward_pre_hooks[id]
        return _renewed(module, name, container, mask)

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """The tensor, pruned, without a module."""
        _check_scores(importance_scores, t)
        scores = t if importance_scores is None else importance_scores
        return t * self.compute_mask(scores, ops.ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        weight, name = self.apply_mask(module), self._tensor_name
        original = module._parameters[f"{name}_orig"]
        for part in ("", "_orig", "_mask"):
            delattr(module, f"{name}{part}")
        original.data = weight.detach()
        module.register_parameter(name, original)


def _first(module: Module, name: str, method: BasePruningMethod, mask: Tensor) -> BasePruningMethod:
    original = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_orig", original)
    return _renewed(module, name, method, mask)


def _renewed(module: Module, name: str, method: BasePruningMethod, mask: Tensor) -> BasePruningMethod:
    module.register_buffer(name + "_mask", mask)
    setattr(module, name, method.apply_mask(module))
    module.register_forward_pre_hook(method)
    return method


def _check_scores(scores: Tensor | None, weight: Tensor) -> None:
    if scores is not None and scores.shape != weight.shape:
        raise AssertionError(
            f"importance_scores should have the same shape as the tensor, got {tuple(scores.shape)} vs "
            f"{tuple(weight.shape)}"
        )


class PruningContainer(BasePruningMethod):
    """Several methods on one weight, one after the other."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add one more; it must be for the same weight."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, idx):
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far, with what the last method prunes of what is left."""
        method, mask = self._pruning_methods[-1], default_mask.to(t.dtype).clone()
        left = _what_is_left(method, t, mask)
        mask[left] = method.compute_mask(t[left], default_mask[left]).to(mask.dtype)
        return mask


def _what_is_left(method: BasePruningMethod, t: Tensor, mask: Tensor):
    """An index of what a method may choose among."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return ...
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
        )
    dim = range(t.dim())[method.dim]
    return _along(dim, mask.sum([d for d in range(t.dim()) if d != dim]) != 0)


def _along(dim: int, index) -> tuple:
    return (*(slice(None),) * dim, index)


# ---- ways to choose ----------------------------------------------------------------------------------------
class _ByAmount(BasePruningMethod):
    """Prunes `amount` of what there is: a number, or a part between 0 and 1."""

    amount: Any

    def __init__(self, amount) -> None:
        if not isinstance(amount, Real):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        whole = isinstance(amount, Integral)
        if not 0 <= float(amount) <= (math.inf if whole else 1):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
            )
        self.amount = amount

    def _count(self, size: int) -> int:
        """How many of `size` go."""
        whole = isinstance(self.amount, Integral)
        count = int(self.amount if whole else round(self.amount * size))
        if count > size:
            raise ValueError(
                f"amount={count} should be smaller than the number of parameters to prune={size}"
            )
        return count


class _Unstructured(_ByAmount):
    """Prunes single elements, those with the lowest ranks."""

    PRUNING_TYPE = "unstructured"
    largest: bool

    def _ranks(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count, mask = self._count(t.numel()), default_mask.clone()
        if count:
            mask.view(-1)[self._ranks(t).view(-1).topk(count, largest=self.largest).indices] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prunes elements by chance."""

    largest = True

    def _ranks(self, t: Tensor) -> Tensor:
        return ops.rand_like(t)


class L1Unstructured(_Unstructured):
    """Prunes the smallest elements."""

    largest = False

    def _ranks(self, t: Tensor) -> Tensor:
        return ops.abs(t.detach())


class _Structured(_ByAmount):
    """Prunes whole slices along a dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, count: int) -> Tensor:
        """An index of the slices that stay."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() < 2:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{tuple(t.shape)} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {tuple(t.shape)}")
        count = self._count(t.shape[self.dim])
        if not count:
            return default_mask
        mask = ops.zeros_like(t, requires_grad=False)
        mask[_along(self.dim % t.dim(), self._kept(t, count))] = 1
        return mask * default_mask.to(mask.dtype)


class RandomStructured(_Structured):
    """Prunes slices by chance."""

    def _kept(self, t: Tensor, count: int) -> Tensor:
        ranks = ops.rand(t.shape[self.dim])
        return (ranks > ops.kthvalue(ranks, count).values).to(t.device)


class LnStructured(_Structured):
    """Prunes the slices whose n-norms are the smallest."""

    def __init__(self, amount: float, n: float, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Tensor, count: int) -> Tensor:
        dim = self.dim % t.dim()
        norms = ops.norm(t.detach(), self.n, [d for d in range(t.dim()) if d != dim])
        return norms.topk(len(norms) - count).indices


class Identity(BasePruningMethod):
    """Prunes nothing: makes a weight one that has a mask."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {tuple(default_mask.shape)} must match self.mask shape "
                f"{tuple(self.mask.shape)}"
            )
        return default_mask * self.mask.to(default_mask.dtype)


# ---- as functions ------------------------------------------------------------------------------------------
def identity(module: Module, name: str) -> Module:
    """Give a weight a mask of ones; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements by chance, a number or a part of them; returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the smallest elements, a number or a part of them; returns the module."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune slices along `dim` by chance, a number or a part of them; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: float, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prune the slices along `dim` of the smallest n-norms, a number or a part; returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune where a mask is 0; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping | None = None,
    **kwargs,
) -> None:
    """Prune elements of several weights, given as (module, name), as if they were one vector."""
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    places = [(module, name, getattr(module, name)) for module, name in parameters]
    sizes = parameters_to_vector([scores.get((module, name), weight) for module, name, weight in places])
    before = parameters_to_vector(
        [getattr(module, name + "_mask", ops.ones_like(weight)) for module, name, weight in places]
    )
    mask, start = PruningContainer(method).compute_mask(sizes, before), 0
    for module, name, weight in places:
        custom_from_mask(module, name, mask[start : start + weight.numel()].view(weight.shape))
        start += weight.numel()


def remove(module: Module, name: str) -> Module:
    """Make a pruned weight an ordinary parameter, with the zeros in it; returns the module."""
    for id, hook in hooks_of(module, BasePruningMethod, name).items():
        hook.remove(module)
        del module._forward_pre_hooks[id]
        return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether anything in a module is pruned."""
    return any(hooks_of(child, BasePruningMethod) for child in module.modules())
