"""The stand-in's GPU: there is one, and all it is asked is done at once."""


def is_available() -> bool:
    """There is a GPU."""
    return True


class runtime:
    """CUDA's runtime."""

    @staticmethod
    def getDeviceCount() -> int:
        return 1

    @staticmethod
    def getDevice() -> int:
        return 0

    @staticmethod
    def setDevice(number: int) -> None:
        if number != 0:
            raise RuntimeError("invalid device ordinal")

    @staticmethod
    def deviceSynchronize() -> None:
        pass
