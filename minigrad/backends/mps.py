"""Apple's GPU, which is not used here."""


def is_available() -> bool:
    """False: arrays lie in host memory or on a CUDA device."""
    return False


def is_built() -> bool:
    """False: arrays lie in host memory or on a CUDA device."""
    return False
