"""What every script about sequences needs besides a model: tokens as numbers, a series as windows, sequences
of different lengths as batches, values on a common scale.
"""

from .batches import BucketBatchSampler, PadCollate
from .scaling import MinMaxScaler, StandardScaler
from .text import ContiguousBatches, Vocabulary, byte_values, characters, words
from .windows import Windows

__all__ = [
    "BucketBatchSampler",
    "ContiguousBatches",
    "MinMaxScaler",
    "PadCollate",
    "StandardScaler",
    "Vocabulary",
    "Windows",
    "byte_values",
    "characters",
    "words",
]
