"""Claim: gradients vanish in a plain RNN, and gates cure it. How far back do they reach, really?

    python examples/claim_gradients.py          a few seconds

A layer reads 100 steps of noise; the loss is its last output, weighted at random. The size of the gradient
with respect to the input k steps before the end says how much a change there would matter: what training
could learn from. Measured on fresh layers, averaged over seeds (the mean of logarithms).
"""

import argparse
import math
from pathlib import Path

from shared import print_columns, save_picture

import minigrad as torch
from minigrad import nn, viz

STEPS, BATCH, INPUTS, HIDDEN = 100, 16, 8, 64


def orthogonal(kind: type[nn.Module], inputs: int = INPUTS) -> nn.Module:
    """Recurrent weights that keep lengths (Saxe, McClelland and Ganguli 2014), one square per gate."""
    layer = kind(inputs, HIDDEN)
    for square in layer.weight_hh_l0.detach().split(HIDDEN):
        nn.init.orthogonal_(square)
    return layer


def remembering(kind: type[nn.Module], bias: float, inputs: int = INPUTS) -> nn.Module:
    """An LSTM whose forget gates, a GRU whose update gates begin open (Gers, Schmidhuber and Cummins
    2000).
    """
    layer = kind(inputs, HIDDEN)
    with torch.no_grad():
        layer.bias_ih_l0[HIDDEN : 2 * HIDDEN] = bias
        layer.bias_hh_l0[HIDDEN : 2 * HIDDEN] = 0.0
    return layer


#: as PyTorch initialises them, all weights and biases uniform on +-1 / sqrt(H), and two other beginnings
LAYERS = {
    "RNN": lambda: nn.RNN(INPUTS, HIDDEN),
    "RNN, orthogonal": lambda: orthogonal(nn.RNN),
    "GRU": lambda: nn.GRU(INPUTS, HIDDEN),
    "GRU, update bias 2": lambda: remembering(nn.GRU, 2.0),
    "LSTM": lambda: nn.LSTM(INPUTS, HIDDEN),
    "LSTM, forget bias 1": lambda: remembering(nn.LSTM, 1.0),
    "LSTM, forget bias 3": lambda: remembering(nn.LSTM, 3.0),
}


def reach(make, seeds: int) -> list[float]:
    """The gradient's size k steps back, k = 0, 1, ..., relative to the last step's."""
    logs = [0.0] * STEPS
    for seed in range(seeds):
        torch.manual_seed(seed)
        x = torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64, requires_grad=True)
        outputs, _ = make().double()(x)  # in float64, for these numbers get small
        sizes = viz.gradient_by_step((outputs[-1] * torch.randn(BATCH, HIDDEN)).sum(), x)[::-1]
        logs = [total + math.log(max(size, 1e-300) / sizes[0]) / seeds for total, size in zip(logs, sizes)]
    return [math.exp(value) for value in logs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many initialisations are averaged")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()

    found = {name: reach(make, args.seeds) for name, make in LAYERS.items()}
    print_columns(
        "size of the gradient, relative to the last step's, and steps until a thousandth is left",
        ["layer", "1 back", "10 back", "30 back", "99 back", "a thousandth"],
        [
            [name, *(f"{sizes[k]:.1e}" for k in (1, 10, 30, 99)), steps_until(sizes, 1e-3)]
            for name, sizes in found.items()
        ],
    )
    title = "size of the gradient, relative to the last step's"
    picture = viz.curves(found, title, "steps back", x=range(STEPS), log_y=True)
    save_picture(args.runs, "claim_gradients", picture)


def steps_until(sizes: list[float], share: float) -> str:
    """After how many steps back the gradient is below a share of the last step's for good."""
    above = [k for k, size in enumerate(sizes) if size >= share]
    return f"{above[-1] + 1} steps" if above[-1] + 1 < len(sizes) else f"over {len(sizes)}"


if __name__ == "__main__":
    main()
