"""Whole-sequence RNN, LSTM and GRU, one layer and one direction a call."""
