"""One training step of a small network: input (32, 64), 128 hidden units, 10 classes."""

from __future__ import annotations

from collections.abc import Iterator

from .harness import Comparison, compare


def training_step(lib, optimizer: str, **settings):
    """Forward, cross-entropy, backward and the optimizer's step, as a script writes them."""
    lib.manual_seed(0)
    model = lib.nn.Sequential(lib.nn.Linear(64, 128), lib.nn.ReLU(), lib.nn.Linear(128, 10))
    criterion = lib.nn.CrossEntropyLoss()
    optim = getattr(lib.optim, optimizer)(model.parameters(), **settings)
    x, y = lib.randn(32, 64), lib.randint(0, 10, (32,))

    def step():
        optim.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optim.step()
        return loss

    return step


OPTIMIZERS = {
    "SGD": ({"lr": 1e-3}, 0.45),
    "SGD, momentum": ({"lr": 1e-3, "momentum": 0.9}, 0.45),
    "Adam": ({"lr": 1e-5}, 0.4),
    "AdamW": ({"lr": 1e-5}, 0.4),
    "RMSprop": ({"lr": 1e-5}, 0.45),
    "Adagrad": ({"lr": 1e-5}, 0.45),
}


def run(torch, minigrad, seconds: float) -> Iterator[Comparison]:
    for name, (settings, bound) in OPTIMIZERS.items():
        ours, theirs = (training_step(lib, name.split(",")[0], **settings) for lib in (minigrad, torch))
        first = abs(ours().item() - theirs().item())
        if first > 1e-5:
            raise RuntimeError(f"MLP with {name}: the first losses differ by {first}")
        yield compare(f"MLP 32x64-128-10, step with {name}", ours, theirs, bound, seconds)
