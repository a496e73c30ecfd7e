"""Helpers for training loops and sequences, as PyTorch has them in `torch.nn.utils`."""

from . import rnn
