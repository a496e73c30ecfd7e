"""SparseAdam, which has nothing to do where gradients are dense."""

from __future__ import annotations

from .optimizer import Optimizer, ParamsT, check_betas, check_lr, evaluated, require


class SparseAdam(Optimizer):
    """Adam for sparse gradients, which there are none of here: a step with a gradient raises
    RuntimeError, as in PyTorch with dense ones.
    """

    def __init__(
        self, params: ParamsT, lr=1e-3, betas=(0.9, 0.999), eps: float = 1e-8, maximize: bool = False
    ):
        check_lr(lr)
        require(lr > 0, "learning rate", lr)
        require(eps > 0, "epsilon value", eps)
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def step(self, closure=None):
        """Refuses."""
        loss = evaluated(closure)
        if any(p.grad is not None for group in self.param_groups for p in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        return loss
