"""What the processor can do."""


def get_cpu_capability() -> str:
    """'DEFAULT': NumPy chooses the instructions it uses."""
    return "DEFAULT"
