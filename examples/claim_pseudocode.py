"""Claim: a recurrent network is a loop that hands a hidden state on. The usual pseudo-code, run as it is
written.

    python examples/claim_pseudocode.py          at once

Every explanation has these few lines. They leave two things open: what "combine" means, and that the layers
are the same at every step. Here they run, give what `nn.LSTM` gives with the same weights, and the graph
shows that each weight was used at every step.
"""

import argparse

import minigrad as torch
from minigrad import nn, viz
from minigrad.nn.functional import sigmoid, tanh

WORDS = "what time is it ?".split()
EMBEDDED, HIDDEN = 6, 4

torch.manual_seed(0)
embedding = nn.Embedding(len(WORDS), EMBEDDED)

# ---- the plain network, as every explanation has it ----------------------------------------------
feed_forward = nn.Linear(HIDDEN, 2)
into_state = nn.Linear(HIDDEN + EMBEDDED, HIDDEN)


def rnn(word, hidden_state):
    """One step: the word and the state before, put side by side, make the next state."""
    combined = torch.cat([hidden_state, word])
    hidden_state = tanh(into_state(combined))
    return hidden_state, hidden_state


def read(words):
    """The pseudo-code: a loop over words, and a decision at its end."""
    hidden_state = torch.zeros(HIDDEN)
    for word in words:
        output, hidden_state = rnn(word, hidden_state)
    return feed_forward(output)


# ---- the LSTM's cell, as every explanation has it ------------------------------------------------
input_layer, forget_layer, candidate_layer, output_layer = (
    nn.Linear(HIDDEN + EMBEDDED, HIDDEN) for _ in range(4)
)


def lstm_cell(previous_c, previous_h, word):
    """One step: what to forget, what to add, what to show."""
    combined = torch.cat([previous_h, word])
    forget = sigmoid(forget_layer(combined))
    candidate = tanh(candidate_layer(combined))
    add = sigmoid(input_layer(combined))
    c = previous_c * forget + candidate * add
    show = sigmoid(output_layer(combined))
    h = show * tanh(c)
    return h, c


def read_with_gates(words):
    """All states h, one after the other."""
    h, c = torch.zeros(HIDDEN), torch.zeros(HIDDEN)
    outputs = []
    for word in words:
        h, c = lstm_cell(c, h, word)
        outputs.append(h)
    return torch.stack(outputs)


def as_layer() -> nn.LSTM:
    """`nn.LSTM` with these four layers as its gates i, f, g, o: their left columns see h, the others the
    word.
    """
    layer = nn.LSTM(EMBEDDED, HIDDEN)
    gates = (input_layer, forget_layer, candidate_layer, output_layer)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.cat([gate.weight[:, :HIDDEN] for gate in gates]))
        layer.weight_ih_l0.copy_(torch.cat([gate.weight[:, HIDDEN:] for gate in gates]))
        layer.bias_ih_l0.copy_(torch.cat([gate.bias for gate in gates]))
        layer.bias_hh_l0.zero_()
    return layer


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    vectors = embedding(torch.arange(len(WORDS)))

    scores = read(vectors)
    told = viz.explain(scores.sum(), to=into_state.weight, names={"the weight": into_state.weight}, limit=0)
    print(f"{len(WORDS)} words, plain network: scores {scores.tolist()}")
    print(f"  {told.splitlines()[-1]}")

    outputs = read_with_gates(vectors)
    whole, _ = as_layer()(vectors)
    told = viz.explain(
        outputs[-1].sum(),
        to=forget_layer.weight,
        names={"the forget gate's weight": forget_layer.weight},
        limit=0,
    )
    print(f"{len(WORDS)} words, LSTM: last state {[round(v, 4) for v in outputs[-1].tolist()]}")
    print(f"  {told.splitlines()[-1]}")
    print(f"  largest difference to nn.LSTM with these weights: {(outputs - whole).abs().max().item():.1e}")


if __name__ == "__main__":
    main()
