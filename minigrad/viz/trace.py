"""Which module made which ops: a context around a forward pass, for pictures that fold a large graph by
module.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import engine


class Span(NamedTuple):
    """One call of a module: it made the ops whose time lies from `start` to before `end`."""

    name: str
    kind: str
    depth: int
    start: int
    end: int


class trace:
    """Context that notes the calls of a model's modules, so that a picture of what they made can name them.

        with viz.trace(model) as traced:
            loss = criterion(model(x), y)
        viz.graph(loss, traced)

    `spans` has the calls in the order in which they ended, `names` the model's parameters.
    """

    def __init__(self, model: Any):
        self.model = model
        self.spans: list[Span] = []
        self.names: dict[str, Any] = dict(model.named_parameters())
        self._open: list[tuple[str, str, int]] = []
        self._handles: list = []

    def __enter__(self) -> trace:
        for name, module in self.model.named_modules():
            shown = name or type(module).__name__
            self._handles.append(module.register_forward_pre_hook(self._begin(shown, type(module).__name__)))
            self._handles.append(module.register_forward_hook(self._finish))
        return self

    def __exit__(self, *error) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._open.clear()

    def _begin(self, name: str, kind: str):
        return lambda module, args: self._open.append((name, kind, engine.tick()))

    def _finish(self, module, args, output) -> None:
        name, kind, start = self._open.pop()
        self.spans.append(Span(name, kind, len(self._open), start, engine.tick()))
