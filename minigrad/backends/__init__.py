"""PyTorch's `backends`: flags of libraries that are not used here.

They hold what a script writes to them, and act on nothing.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp
