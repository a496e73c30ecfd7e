"""PyTorch and minigrad side by side: `python -m benchmarks` (or `make bench`) prints a table of paired
ratios.
"""
