"""A training run with everything that is random in it, for the tests that stop it and let it go on.

As a program, `python -m tests.training_run FOLDER STEPS`, it goes on from the checkpoint in FOLDER if
there is one, writes one after every step, and after STEPS steps in all prints the fingerprint of its
parameters.
"""

import hashlib
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn
from minigrad.optim import lr_scheduler
from minigrad.serialization import load_checkpoint, save_checkpoint
from minigrad.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    """Rows with noise from all three generators in each."""

    def __init__(self, size: int = 22):
        drawn = np.random.default_rng(1).standard_normal((size, 4)).astype(np.float32)
        self.rows = minigrad.from_numpy(drawn)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i):
        noise = np.float32(np.random.normal(0, 0.1) + random.gauss(0, 0.1))  # noqa: NPY002
        return self.rows[i] + minigrad.randn(4) * 0.1 + noise, self.rows[i].sum()


class Run:
    """Model, Adam, schedule and loader, made from a seed."""

    def __init__(self, seed: int = 0, batch_size: int = 4):
        minigrad.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        self.model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.optimizer = minigrad.optim.Adam(self.model.parameters(), lr=0.05)
        self.schedule = lr_scheduler.OneCycleLR(self.optimizer, 0.1, total_steps=100)
        self.loader = DataLoader(Noisy(), batch_size=batch_size, shuffle=True)
        self.parts = {name: getattr(self, name) for name in ("model", "optimizer", "schedule", "loader")}
        self.step = 0

    def steps(self, until: int):
        """Train up to step `until`; yields after every step."""
        while self.step < until:
            for x, y in self.loader:
                self.optimizer.zero_grad()
                nn.functional.mse_loss(self.model(x)[:, 0], y).backward()
                self.optimizer.step()
                self.schedule.step()
                self.step += 1
                yield self.step
                if self.step == until:
                    return

    def save(self, path) -> None:
        save_checkpoint(path, extra={"step": self.step}, python=True, numpy=True, **self.parts)

    def load(self, path) -> "Run":
        self.step = load_checkpoint(path, **self.parts)["step"]
        return self

    def fingerprint(self) -> str:
        """Of every parameter, buffer and moment, to the last bit."""
        state = self.optimizer.state_dict()["state"]
        tensors = [*self.model.state_dict().values(), *(t for s in state.values() for t in s.values())]
        return hashlib.sha256(b"".join(t.numpy().tobytes() for t in tensors)).hexdigest()


def main(folder: str, until: str, killed_at: str = "0") -> None:
    path, run = Path(folder) / "run.pt", Run()
    if path.exists():
        run = Run(seed=9).load(path)
    for step in run.steps(int(until)):
        if step == int(killed_at):
            os.kill(os.getpid(), signal.SIGKILL)
        run.save(path)
    print(run.fingerprint())


if __name__ == "__main__":
    main(*sys.argv[1:])
