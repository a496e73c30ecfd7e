"""The version of minigrad, and of the PyTorch whose names it has."""

__version__ = "0.1.0"
#: PyTorch's release whose functions, signatures and defaults are kept
pytorch = "2.13.0"
cuda = None
hip = None
debug = False
git_version = "Unknown"
