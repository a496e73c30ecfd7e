"""Methods of Tensor that few programs use, one line each, into `ops`; `tensor.py` has the others."""

from __future__ import annotations


class RareMethods:
    """A base of Tensor."""

    __slots__ = ()
