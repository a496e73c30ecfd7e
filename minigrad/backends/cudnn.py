"""Flags of cuDNN, which is not used here: results on a CPU are deterministic in any case."""

benchmark = False
deterministic = False
enabled = False
allow_tf32 = False


def is_available() -> bool:
    """False: cuDNN is not used."""
    return False


def version() -> None:
    """None: cuDNN is not used."""
