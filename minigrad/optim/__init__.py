"""Optimizers; `lr_scheduler` changes their learning rates, `swa_utils` averages what they find.

To read how they work: `sgd.py`, `adam.py`, then `elementwise.py`, which carries out their rules;
`adafactor.py` and `muon.py` look at matrices as a whole.
"""

from ..later import loader
from . import lr_scheduler
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam
from .adamax import Adamax
from .adamw import AdamW
from .asgd import ASGD
from .lbfgs import LBFGS
from .muon import Muon
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD
from .sparse_adam import SparseAdam

__getattr__, __dir__ = loader(__name__, {"swa_utils": ("swa_utils", None)})  # it needs nn, optimizers do not
