"""PyTorch's `cuda`: whether there is a GPU, and calls to it. Without one, what asks answers and what acts
does nothing, as in PyTorch; what needs a GPU raises."""

from __future__ import annotations

from .. import backend, random
from ..backend import cuda_is_available as is_available
from ..backend import device as _device
from ..later import loader


def device_count() -> int:
    """How many GPUs CuPy sees; 0 where there is none."""
    return backend.cupy().cuda.runtime.getDeviceCount() if is_available() else 0


def current_device() -> int:
    """The number of the GPU in use."""
    return _runtime("current_device").getDevice()


def set_device(device) -> None:
    """Use the GPU of this number (or device) from now on."""
    _runtime("set_device").setDevice(_number_of(device))


def get_device_name(device=None) -> str:
    """The name of a GPU."""
    return _runtime("get_device_name").getDeviceProperties(_number_of(device))["name"].decode()


def get_device_capability(device=None) -> tuple[int, int]:
    """A GPU's compute capability, (major, minor)."""
    properties = _runtime("get_device_capability").getDeviceProperties(_number_of(device))
    return properties["major"], properties["minor"]


def synchronize(device=None) -> None:
    """Wait until the GPU has done what it was given."""
    _runtime("synchronize").deviceSynchronize()


def empty_cache() -> None:
    """Give memory that is held but not used back to the GPU; nothing to do without one."""
    if is_available():
        backend.cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated(device=None) -> int:
    """Bytes that live arrays take on the GPU; 0 without one."""
    return backend.cupy().get_default_memory_pool().used_bytes() if is_available() else 0


def memory_reserved(device=None) -> int:
    """Bytes held from the GPU, in use or not; 0 without one."""
    return backend.cupy().get_default_memory_pool().total_bytes() if is_available() else 0


def manual_seed(seed: int) -> None:
    """Start the GPU's random stream at a seed; as in PyTorch, nothing happens without a GPU."""
    if is_available():
        backend.cupy().random.seed(seed)


manual_seed_all = manual_seed


def is_initialized() -> bool:
    """Whether a GPU is there to be used: it needs no initialisation here."""
    return is_available()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: NumPy and CuPy have no bfloat16."""
    return False


def _runtime(name: str):
    """CuPy's CUDA runtime; one sentence where there is no GPU."""
    if not is_available():
        raise RuntimeError(f"cuda.{name}: no GPU that CuPy can use is here; ask cuda.is_available() first")
    return backend.cupy().cuda.runtime


def _number_of(device) -> int:
    if isinstance(device, int):
        return device
    where = _device("cuda" if device is None else device)
    return current_device() if where.index is None else where.index


class device:
    """Context: another GPU is used inside."""

    def __init__(self, device):
        self.number = _number_of(device) if is_available() else -1

    def __enter__(self) -> None:
        if self.number >= 0:
            self.before = current_device()
            set_device(self.number)

    def __exit__(self, *error) -> None:
        if self.number >= 0:
            set_device(self.before)


def get_rng_state(device="cuda"):
    """PyTorch's state of a GPU's stream; CuPy does not give its own out."""
    raise NotImplementedError("cuda.get_rng_state: CuPy's random state cannot be read; use manual_seed")


def get_rng_state_all() -> list:
    """The states of all GPUs' streams: none without a GPU."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state_all(new_states) -> None:
    """Set the states of all GPUs' streams: nothing without a GPU."""
    if list(new_states):
        raise NotImplementedError(
            "cuda.set_rng_state_all: CuPy's random state cannot be set; use manual_seed"
        )


__getattr__, __dir__ = loader(__name__, {"amp": ("amp", None)})
