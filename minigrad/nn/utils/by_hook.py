"""Weight norm and spectral norm by a hook, PyTorch's older form; `parametrizations` has the newer one."""

from __future__ import annotations

import warnings

from ...autograd.grad_mode import no_grad
from ...tensor import Tensor
from ..functional.distance import normalize
from ..functional.weights import as_matrix, divided_by_sigma, norm_except_dim, singular_vectors
from ..functional.weights import weight_norm as normed
from ..modules.conv import _ConvTransposeNd
from ..modules.module import Module
from ..parameter import Parameter
from .recomputed import Recomputed, hooks_of, refuse_lazy, refuse_second, take_off


# ---- length and direction ----------------------------------------------------------------------------------
class WeightNorm(Recomputed):
    """Computes `name` as g v / |v| of the parameters `name_g` and `name_v`."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        return normed(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    def remove(self, module: Module) -> None:
        weight = self.compute_weight(module)
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train a weight's lengths `name_g`, along `dim` (None: of all of it), and directions `name_v` apart;
    returns the module (Salimans and Kingma, 2016).
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    refuse_second("weight_norm", module, WeightNorm, name)
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    refuse_lazy("WeightNorm", weight)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, hook.dim).detach()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight an ordinary parameter again; returns the module."""
    return take_off("weight_norm", module, WeightNorm, name)


# ---- spectral norm -----------------------------------------------------------------------------------------
class SpectralNorm(Recomputed):
    """Computes `name` as the parameter `name_orig` divided by its largest singular value.

    The buffers `name_u` and `name_v` approach that value's vectors, a few power steps at each forward pass in
    training.
    """

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool | None = None) -> Tensor:
        moving = module.training if do_power_iteration is None else do_power_iteration
        weight, u, v = (getattr(module, self.name + part) for part in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        singular_vectors(matrix, u, v, self.n_power_iterations * moving, self.eps, v_first=True)
        return divided_by_sigma(weight, matrix, u, v)

    def remove(self, module: Module) -> None:
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for part in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + part)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def note_version(self, module: Module, state_dict: dict, prefix: str, local_metadata: dict) -> None:
        """After saving: which layout the entries have, as PyTorch notes it."""
        local_metadata.setdefault("spectral_norm", {})[self.name + ".version"] = self._version


def output_dim(module: Module, dim: int | None) -> int:
    """The dimension of a weight that numbers its outputs."""
    if dim is not None:
        return dim
    return 1 if isinstance(module, _ConvTransposeNd) else 0


def random_direction(weight: Tensor, size: int, eps: float) -> Tensor:
    """A vector of length 1, of a weight's dtype and on its device."""
    return normalize(weight.new_empty(size).normal_(0, 1), dim=0, eps=eps)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value at each forward pass; returns the module (Miyato et al.,
    2018).
    """
    refuse_second("spectral_norm", module, SpectralNorm, name)
    hook = SpectralNorm(name, n_power_iterations, output_dim(module, dim), eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    refuse_lazy("SpectralNorm", weight)
    with no_grad():
        rows, columns = as_matrix(weight, hook.dim).shape
        u, v = random_direction(weight, rows, eps), random_direction(weight, columns, eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module.register_state_dict_post_hook(hook.note_version)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight an ordinary parameter again; returns the module."""
    saving = module._hooks_around_state().save
    for hook in hooks_of(module, SpectralNorm, name).values():
        for id in [id for id, function in saving.items() if function == hook.note_version]:
            del saving[id]
    return take_off("spectral_norm", module, SpectralNorm, name)
