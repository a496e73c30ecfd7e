"""Ops that reduce dimensions: sums, products, extremes, norms, cumulative forms.

Primitives take `axis` (None, or a tuple of non-negative ints) and `keepdims`; beside them stand PyTorch's functions
with `dim` and `keepdim`.
"""
