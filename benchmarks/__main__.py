"""`python -m benchmarks [group ...] [--seconds S]`: a table of minigrad's times beside PyTorch's."""

from __future__ import annotations

import argparse

from .harness import HEADER, Comparison, geometric_mean

GROUPS = (
    "overhead",
    "mlp",
    "optimizers",
    "recurrent",
    "recurrent_steps",
    "layers",
    "norms",
    "losses",
    "loader",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", default=[], help=f"which of {', '.join(GROUPS)}; all without")
    parser.add_argument("--seconds", type=float, default=1.5, help="time for a line of the table")
    options = parser.parse_args()

    import torch

    import minigrad

    torch.set_num_threads(1)
    print(
        f"minigrad {minigrad.__version__} beside torch {torch.__version__}, one thread, microseconds per call"
    )
    print(HEADER)
    lines: list[Comparison] = []
    for name in options.groups or GROUPS:
        group = __import__(f"{__package__}.{name}", fromlist=["run"])
        shown = []
        for comparison in group.run(torch, minigrad, options.seconds):
            print(comparison.row(), flush=True)
            shown.append(comparison)
        print(f"{name + ': geometric mean of the ratios':44} {'':21} {geometric_mean(shown):7.2f}")
        lines += shown
    above = [c.name for c in lines if c.bound is not None and c.ratio > c.bound]
    print("all within their bounds" if not above else f"above their bounds: {', '.join(above)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
