"""PyTorch's flags of mkl; which libraries NumPy uses is its own affair."""


def is_available() -> bool:
    """False: it is not used from here."""
    return False
