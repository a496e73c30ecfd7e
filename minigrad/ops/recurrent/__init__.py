"""Whole-sequence RNN, LSTM and GRU, one layer and one direction a call: a readable twin and a fast kernel of each.

In reading order: scan (the loop of the twins), rnn, gru, lstm; then what makes them fast: columns (the layout), kernel
(the two walks), workspace (the buffers).
"""

from .gru import gru_cell, gru_composed, gru_layer
from .lstm import lstm_cell, lstm_composed, lstm_layer
from .rnn import rnn_cell, rnn_composed, rnn_layer
