"""The stand-in's GPU: there is one, and all it is asked is done at once."""


def is_available() -> bool:
    """There is a GPU."""
    return True


class runtime:  # noqa: N801 - CuPy's name
    """CUDA's runtime."""

    @staticmethod
    def getDeviceCount() -> int:  # noqa: N802
        return 1

    @staticmethod
    def getDevice() -> int:  # noqa: N802
        return 0

    @staticmethod
    def setDevice(number: int) -> None:  # noqa: N802
        if number != 0:
            raise RuntimeError("invalid device ordinal")

    @staticmethod
    def deviceSynchronize() -> None:  # noqa: N802
        pass
