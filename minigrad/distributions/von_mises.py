"""The von Mises distribution."""

from __future__ import annotations

import math

from .. import dtypes
from ..autograd.grad_mode import no_grad
from ..ops import acos, cos, i0e, i1e, log, rand, sign, where, zeros
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all


class VonMises(Distribution):
    """Angles x around `loc`: density exp(k cos(x - loc)) / (2 pi I0(k)), k the `concentration`.

    The Bessel functions are SciPy's, exact where PyTorch's are good to 1e-7. `variance` is the circular one.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    _made_of = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape=()) -> Tensor:
        """Best and Fisher, "Efficient simulation of the von Mises distribution" (1979), all values at a
        time until each has been accepted.
        """
        shape = self._extended_shape(sample_shape)
        with no_grad():
            k, loc = (t.double() for t in (self.concentration, self.loc))
            tau = 1 + (1 + 4 * k.square()).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = where(k < 1e-5, 1 / k + k, (1 + rho.square()) / (2 * rho))
            x = zeros(shape, dtype=dtypes.float64, device=loc.device)
            waiting = x == 0
            while waiting.any():
                u1, u2, u3 = rand(3, *shape, dtype=dtypes.float64, device=loc.device).unbind()
                z = cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accepted = (c * (2 - c) - u2 > 0) | (log(c / u2) + 1 - c >= 0)
                x = where(accepted, sign(u3 - 0.5) * acos(f), x)
                waiting = waiting & ~accepted
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def _log_prob(self, value: Tensor) -> Tensor:
        k = self.concentration  # log(I0(k)) = log(i0e(k)) + k
        return k * (cos(value - self.loc) - 1) - math.log(2 * math.pi) - log(i0e(k))
