"""The graph's public face: `grad_fn`, `next_functions`."""


def grad_fn(t):
    return t.node
