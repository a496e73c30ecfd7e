"""RNN, LSTM and GRU over whole sequences, one layer and direction a call: each a readable twin and a kernel.

In reading order: scan (the loop of the twins), rnn, gru, lstm; then what makes them fast: columns (the
layout), weights, products, kernel (the two walks), packed (batches cut where sequences end), workspace (the
buffers). Apart: steps (a cell as one op), packing (to a padded array and back).
"""

from .gru import gru_cell, gru_composed, gru_layer
from .lstm import lstm_cell, lstm_composed, lstm_layer
from .rnn import rnn_cell, rnn_composed, rnn_layer
from .steps import gru_step, lstm_step
