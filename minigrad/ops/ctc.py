"""Connectionist temporal classification: -log p(labels | sequence), over all alignments (Graves et al.,
2006).

An alignment names a label or the blank at every step; repeats are merged, then blanks dropped. The labels of
a sample with a blank before, between and after them are its 2S + 1 states. From one step to the next an
alignment stays in its state, moves on by one, or by two past a blank between different labels. `alphas` are
the logarithms of the probabilities to be in a state at a step, by any way; the gradient goes back through the
same recursion, whose weights, exp(way in - all ways in), lie between 0 and 1. In shapes: log_probs (T, N, C),
states (N, K), K = 2S + 1.
"""

from __future__ import annotations

import numpy as np

from ..backend import as_places, module_of, scatter_add
from ..engine import untracked
from ..fused import Fused
from .elementwise import add, exp, mul, select, sub
from .reduction import logsumexp_over, sum_over
from .shaping import concat, reshape_to, stack_on, take_part


def states_of(labels, blank: int, dtype):
    """Labels (S, N) with blanks around them (K, N), and 0 where one is reached past a blank, else -inf."""
    states = np.full_like(labels, blank, shape=(2 * len(labels) + 1, labels.shape[1]))
    states[1::2] = labels
    skips = np.full_like(labels, -np.inf, shape=states.shape, dtype=dtype)
    skips[3::2][labels[1:] != labels[:-1]] = 0
    return states, skips


def cells_of(states, classes: int):
    """Where (K, N) the emission of each state stands among the N * C numbers of a step."""
    return states + module_of(states).arange(0, states.shape[1] * classes, classes)


def ways_in(alpha, skips):
    """exp(alpha - top) as it arrives from the same state, the one before, and the one before that; and top.

    `alpha` (2 + K, N) has two rows of -inf in front. `top` (K, N) is the largest of the three ways (3, K, N),
    or the dtype's lowest number where all are -inf.
    """
    ways = np.empty_like(alpha, shape=(3, *skips.shape))
    ways[0], ways[1] = alpha[2:], alpha[1:-1]
    np.add(alpha[:-2], skips, out=ways[2])
    top = ways.max(0)
    np.maximum(top, np.finfo(top.dtype).min, out=top)
    ways -= top
    return np.exp(ways, out=ways), top


def alphas_of(emitted, skips):
    """(T, 2 + K, N): alpha after each step, less its largest value; and the sum of what was taken off, (T,
    N).
    """
    count, width, batch = emitted.shape
    alphas = np.full_like(emitted, -np.inf, shape=(count, width + 2, batch))
    taken = np.zeros_like(emitted, shape=(count, batch), dtype=np.float64)
    alphas[:1, 2:4] = emitted[:1, :2]
    for t in range(1, count):
        ways, top = ways_in(alphas[t - 1], skips)
        alpha = np.log(ways.sum(0), out=alphas[t, 2:])
        alpha += top
        alpha += emitted[t]
        largest = np.maximum(alpha.max(0), np.finfo(alpha.dtype).min)
        alpha -= largest
        taken[t] = taken[t - 1] + largest
    return alphas, taken


def ends_of(steps, lengths):
    """The last two states (2, N) of each sample after its last step, as an index of (T, K, N); and which it
    has.
    """
    xp = module_of(steps)
    state = 2 * lengths - xp.arange(2)[:, None]
    return (np.maximum(steps - 1, 0), np.maximum(state, 0), xp.arange(len(steps))), state >= 0


def without_steps(losses, steps, lengths):
    """The losses, but where there is no step: 0 if there is no label either, else inf."""
    return np.where(steps == 0, np.where(lengths == 0, 0, np.inf), losses).astype(losses.dtype)


def _ctc(wanted, log_probs, labels, steps, lengths, blank, zero_infinity):
    states, skips = states_of(labels, blank, log_probs.dtype)
    cells = cells_of(states, log_probs.shape[2])
    alphas, taken = alphas_of(log_probs.reshape(len(log_probs), -1).take(as_places(cells), 1), skips)
    places, present = ends_of(steps, lengths)
    ends = np.where(present, alphas[:, 2:][places], -np.inf)
    reached = np.logaddexp(ends[0], ends[1])
    losses = (-reached - taken[places[0], places[2]]).astype(log_probs.dtype)
    losses = without_steps(losses, steps, lengths)
    shares = np.where(steps > 0, np.exp(ends - reached), 0).astype(log_probs.dtype)
    impossible = np.isinf(losses)
    saved = (log_probs, cells, skips, alphas, places, shares, steps, impossible, zero_infinity)
    return (np.where(impossible, 0, losses).astype(losses.dtype) if zero_infinity else losses), saved


def occupancies(alphas, skips, places, shares):
    """(T, K, N): the probability to be in a state at a step, given the labels; `shares` are those of the
    ends.
    """
    found = np.zeros_like(alphas[:, 2:])
    scatter_add(found, places, shares)
    for t in range(len(alphas) - 1, 0, -1):
        ways, _ = ways_in(alphas[t - 1], skips)
        total = ways.sum(0)
        ways *= found[t] / np.where(total == 0, 1, total)
        before = found[t - 1]
        before += ways[0]
        before[:-1] += ways[1, 1:]
        before[:-2] += ways[2, 2:]
    return found


def _backward(saved, g, wanted, last):
    """p - (occupancy of each label): PyTorch's, which is the gradient by what a log-softmax was taken of."""
    log_probs, cells, skips, alphas, places, shares, steps, impossible, zero_infinity = saved
    numbers = module_of(log_probs).arange(len(log_probs))
    found = occupancies(alphas, skips, places, shares)
    index = numbers[:, None, None] * (log_probs.size // max(len(log_probs), 1)) + cells
    summed = np.bincount(as_places(index.reshape(-1)), found.reshape(-1), log_probs.size)
    d = np.exp(log_probs) - summed.reshape(log_probs.shape).astype(log_probs.dtype)
    d *= g[:, None]
    d[:, impossible] = 0 if zero_infinity else np.nan
    d[numbers[:, None] >= steps] = 0
    return (d,) + (None,) * 5


# ---- the same in the operations users call -----------------------------------------------------------------
def _composed(log_probs, labels, steps, lengths, blank, zero_infinity):
    labels, steps, lengths = (a.array for a in (labels, steps, lengths))
    states, skips = states_of(labels, blank, log_probs.array.dtype)
    count, batch, classes = log_probs.array.shape
    numbers = reshape_to(log_probs, (count, batch * classes))
    emitted = take_part(numbers, (slice(None), cells_of(states, classes)))
    places, present = ends_of(steps, lengths)
    ends = select(present, take_part(_alphas_composed(emitted, untracked(skips)), places), -np.inf)
    losses = mul(logsumexp_over(ends, (0,), False), -1.0)
    known = without_steps(losses.array, steps, lengths)
    impossible = np.isinf(known) if zero_infinity else np.zeros_like(steps, dtype=bool)
    losses = select(impossible, 0.0, select(steps == 0, known, losses))
    counted = (module_of(steps).arange(count)[:, None] < steps) & ~impossible
    total = sum_over(select(counted[..., None], exp(log_probs), 0.0), (0, 2), False)
    return add(losses, sub(total, untracked(total.array)))  # adds nothing to the value, and p to the gradient


def _alphas_composed(emitted, skips):
    """Alpha after each step, as a Tensor (T, K, N)."""
    count, width, batch = emitted.array.shape
    never = untracked(np.full_like(emitted.array, -np.inf, shape=(width, batch)))
    rows = [concat([take_part(emitted, (0, slice(0, 2))), take_part(never, slice(2, None))], 0)]
    for t in range(1, count):
        padded = concat([take_part(never, slice(0, 2)), rows[-1]], 0)[: width + 2]
        one, two = take_part(padded, slice(1, -1)), take_part(padded, slice(0, -2))
        ways = stack_on([rows[-1], one, add(two, skips)], 0)
        rows.append(add(logsumexp_over(ways, (0,), False), take_part(emitted, t)))
    return stack_on(rows, 0)


ctc = Fused(_ctc, _backward, _composed)
