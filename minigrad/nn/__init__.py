"""Layers and networks, as PyTorch's `torch.nn` has them."""
from .parameter import Buffer, Parameter
from .module import Module
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from . import init
from .recurrent import GRU, LSTM, RNN, RNNBase
from .recurrent_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase
from . import utils
