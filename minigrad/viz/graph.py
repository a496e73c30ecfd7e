"""The graph behind a tensor as a picture: ops with shapes, what they keep, and how large gradients get.

`_boxes_of` collects what is drawn, `_folded` puts the ops of a module, or the oldest ops, into one box,
`_layers` and `_places` lay the boxes out in rows (after Sugiyama, Tagawa and Toda, 1981), `graph` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..engine import Node, Pick, edge_of
from .passage import passages, size_of
from .svg import Picture, box, text, width_of
from .trace import Span, trace

LINE, PADDING, GAP, LAYER = (
    16,
    8,
    24,
    46,
)  # in pixels: a line of words, around it, between boxes, between rows
FILL = {"op": "#eef4fb", "leaf": "#fff5e0", "module": "#e8f5ec", "more": "#f0f0f0"}


class Box:
    """What is drawn as one rectangle: an op, a leaf, or several ops folded into one."""

    def __init__(self, kind: str, lines: list[str]):
        self.kind, self.lines = kind, lines
        self.sources: dict[
            Box, float | None
        ] = {}  # the boxes it was made of: the gradient they get, if known
        self.row = 0
        self.x = self.y = 0.0

    @property
    def width(self) -> float:
        return max(map(width_of, self.lines)) * 0.92 + 2 * PADDING

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2 * PADDING - 4


def graph(
    result,
    traced: trace | None = None,
    names: Mapping[str, Any] | None = None,
    gradients: bool = False,
    limit: int = 60,
    title: str = "",
) -> Picture:
    """Draw the graph behind a tensor, from its leaves at the top to itself at the bottom.

    A box shows an op with the shape of its result and what it keeps for its formulas, or a leaf with its
    name. With `gradients` lines carry the Euclidean norm of the gradient that flows back along them; the
    graph is not used up and no `.grad` is touched. `names` gives leaves their names. With more than `limit`
    boxes, the ops of a module are drawn as one box if the forward pass was watched (`trace`), and else the
    oldest ops as one. Raises RuntimeError where there is no graph.
    """
    if edge_of(result) is None:
        raise RuntimeError("graph: the tensor has none: neither it nor what it was made of requires grad")
    named = {**(traced.names if traced else {}), **(names or {})}
    called = {id(edge_of(t)): name for name, t in named.items() if edge_of(t) is not None}
    nodes = _nodes_behind(edge_of(result))
    flows = _flows(result) if gradients else {}
    boxes = _boxes_of(nodes, _folded(nodes, traced.spans if traced else [], limit), called, flows)
    rows = _layers(boxes)
    _places(rows)
    width = max((b.x + b.width for row in rows for b in row), default=0) + 3 * GAP
    height = max((b.y + b.height for row in rows for b in row), default=0) + GAP
    parts = [text(GAP, 28, title, size=16)] if title else []
    parts += [line for row in rows for b in row for line in _lines(b, rows)]
    parts += [shape for row in rows for b in row for shape in _drawn(b)]
    return Picture(parts, max(width, width_of(title, 16) + 2 * GAP), height, title)


# ---- what is drawn -------------------------------------------------------------------------------
def _nodes_behind(edge) -> list[Node]:
    """The ops behind an edge, the oldest first; the picking of one result among several is none."""
    seen, stack = set(), [edge]
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            stack += [e for e in node.edges if e is not None]
    return sorted((n for n in seen if not isinstance(n.op, Pick)), key=lambda n: n.time)


def _flows(result) -> dict:
    """The norm of each gradient by where it flows: {(from, to): norm}, to an op or a leaf."""
    found: dict = {}
    for node, _, given in passages(result):
        for edge, g in zip(node.edges, given, strict=True):
            if g is not None and not isinstance(node.op, Pick):
                key = (node, _maker(edge))
                found[key] = (found.get(key, 0.0) ** 2 + size_of(g) ** 2) ** 0.5
    return found


def _maker(edge):
    """The op that made an edge's tensor: of one result among several, the op that has them all; or a leaf."""
    return edge.edges[0] if isinstance(edge, Node) and isinstance(edge.op, Pick) else edge


def _folded(nodes: list[Node], spans: list[Span], limit: int) -> Callable[[Node], Any]:
    """A function that says in which box an op is drawn: its own, or one for a module's call, or the
    oldest.
    """
    if len(nodes) <= limit:
        return lambda node: node
    for depth in range(max((s.depth for s in spans), default=0), -1, -1):
        calls = [s for s in spans if s.depth == depth]
        home = {n: next((s for s in calls if s.start <= n.time < s.end), n) for n in nodes}
        if len(set(home.values())) <= limit:
            return home.__getitem__
    newest = set(nodes[-limit:])
    return lambda node: node if node in newest else None


def _boxes_of(nodes: list[Node], home: Callable, called: dict, flows: dict) -> list[Box]:
    """The boxes and what each was made of; a leaf that only a folded module uses is drawn within it."""
    boxes: dict[Any, Box] = {}
    members: dict[Any, list[Node]] = {}
    for node in nodes:
        members.setdefault(home(node), []).append(node)
    for key, inside in members.items():
        boxes[key] = _box_for(key, inside, called)
    for node in nodes:
        for edge in node.edges:
            if edge is None:
                continue
            maker = _maker(edge)
            if isinstance(maker, Node):
                source = boxes[home(maker)]
            elif isinstance(home(node), Node):
                source = boxes.setdefault(id(maker), Box("leaf", _words_of_leaf(maker, called)))
            else:
                continue  # a folded module's own leaf
            target = boxes[home(node)]
            if source is not target:
                before, flow = target.sources.get(source), flows.get((node, maker))
                target.sources[source] = flow if before is None else (before**2 + (flow or 0.0) ** 2) ** 0.5
    return list(boxes.values())


def _box_for(key, inside: list[Node], called: dict) -> Box:
    if isinstance(key, Node):
        return Box("op", _words_of_op(key))
    leaves = {id(e) for node in inside for e in node.edges if e is not None and not isinstance(e, Node)}
    what = f"{_count(len(inside), 'op', 'ops')}, {_count(len(leaves), 'leaf', 'leaves')}"
    if isinstance(key, Span):
        return Box("module", [f"{key.name}: {key.kind}" if key.name != key.kind else key.kind, what])
    return Box("more", [f"{len(inside)} older ops", f"{len(leaves)} leaves"])


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _words_of_op(node: Node) -> list[str]:
    """The op, the shape of its result, and what it keeps."""
    outputs = getattr(node, "outputs", None)
    shapes = " ".join(_size(o[0]) for o in outputs) if outputs else _size(node.shape)
    kept = [f"{name} {_size(shape)}" for name, shape in kept_by(node)]
    rows = [", ".join(kept[i : i + 3]) for i in range(0, len(kept), 3)]
    words = [f"{getattr(node.op, 'name', node.op.node_name)}  {shapes}"]
    return words + [("keeps " if not i else "") + row for i, row in enumerate(rows)]


def kept_by(node: Node) -> list[tuple[str, tuple[int, ...]]]:
    """The names and shapes of the arrays that an op keeps for its formulas."""
    kept: Iterable = node.kept or ()
    names = getattr(node.op, "keepable", ())
    if not names and isinstance(node.kept, tuple) and len(node.kept) == 2 and isinstance(node.kept[1], list):
        names, kept = getattr(node.op, "parameters", ()), node.kept[1]  # of a fused op: its arguments
    return [(n, tuple(k.shape)) for n, k in zip(names, kept, strict=False) if hasattr(k, "dtype")]


def _words_of_leaf(leaf, called: dict) -> list[str]:
    return [f"{called.get(id(leaf), 'leaf')}  {_size(leaf.array.shape)}"]


def _size(shape) -> str:
    return "x".join(map(str, shape)) or "scalar"


# ---- where it stands -----------------------------------------------------------------------------
def _layers(boxes: list[Box]) -> list[list[Box]]:
    """Rows of boxes: each below all that it was made of, and leaves right above their first user."""
    rank: dict[Box, int] = {}
    for b in _sources_first(boxes):
        rank[b] = 1 + max((rank[s] for s in b.sources), default=-1)
    users: dict[Box, list[Box]] = {b: [] for b in boxes}
    for b in boxes:
        for s in b.sources:
            users[s].append(b)
    for b in boxes:
        if not b.sources and users[b]:
            rank[b] = min(rank[user] for user in users[b]) - 1
    rows: list[list[Box]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for b in boxes:
        rows[rank[b]].append(b)
    rows = [row for row in rows if row]
    for _ in range(4):  # boxes go to the mean place of their neighbours above, then of those below
        _order(rows, lambda b: list(b.sources))
        _order(rows[::-1], users.__getitem__)
    return rows


def _sources_first(boxes: list[Box]) -> list[Box]:
    """The boxes in an order in which each stands after what it was made of."""
    done: dict[Box, None] = {}
    stack = list(boxes[::-1])
    while stack:
        b = stack[-1]
        waiting = [s for s in b.sources if s not in done]
        if waiting:
            stack += waiting
        else:
            done.setdefault(b)
            stack.pop()
    return list(done)


def _order(rows: list[list[Box]], neighbours: Callable[[Box], list[Box]]) -> None:
    place = {b: i / max(1, len(row) - 1) if len(row) > 1 else 0.5 for row in rows for i, b in enumerate(row)}
    for row in rows:
        wanted = {b: _mean([place[n] for n in neighbours(b)], place[b]) for b in row}
        row.sort(key=wanted.__getitem__)
        place |= {b: i / (len(row) - 1) if len(row) > 1 else 0.5 for i, b in enumerate(row)}


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(rows: list[list[Box]]) -> None:
    """Give each box its place: rows below one another, each centred."""
    widths = [sum(b.width for b in row) + GAP * (len(row) - 1) for row in rows]
    y = float(LAYER)
    for number, (row, width) in enumerate(zip(rows, widths, strict=True)):
        x = GAP + (max(widths) - width) / 2
        for b in row:
            b.x, b.y, b.row = x, y, number
            x += b.width + GAP
        y += max(b.height for b in row) + LAYER


# ---- how it looks --------------------------------------------------------------------------------
def _lines(b: Box, rows: list[list[Box]]) -> list[str]:
    """A curve from each box it was made of, with the gradient that flows back along it."""
    found = []
    for source, flow in b.sources.items():
        x0, y0 = source.x + source.width / 2, source.y + source.height
        x1, y1 = b.x + b.width / 2, b.y
        middle = (y0 + y1) / 2
        between = [other for row in rows[source.row + 1 : b.row] for other in row]
        side = _way_round(between, (x0 + x1) / 2)
        if side is None:
            curve = f"{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f}"
        else:  # a cubic curve that is at `side` in its middle
            bend = (8 * side - x0 - x1) / 6
            curve = f"{bend:.1f} {y0 + LAYER:.1f} {bend:.1f} {y1 - LAYER:.1f}"
        found.append(
            f'<path class="edge" d="M{x0:.1f} {y0:.1f}C{curve} {x1:.1f} {y1:.1f}" fill="none" stroke="#888"/>'
        )
        if flow is not None:
            x = (x0 + x1) / 2 if side is None else side
            found.append(text(x + 4, middle + 4, f"{flow:.3g}", size=11, colour="#b2182b"))
    return found


def _way_round(between: list[Box], x: float) -> float | None:
    """Where a line at x passes to the right of the boxes that it would run behind; None if there are none."""
    hidden = [b.x + b.width for b in between if b.x - 4 < x < b.x + b.width + 4]
    return max(hidden) + 14 if hidden else None


def _drawn(b: Box) -> list[str]:
    parts = [box(b.x, b.y, b.width, b.height, FILL[b.kind], round=12 if b.kind == "leaf" else 4)]
    for i, words in enumerate(b.lines):
        weight = ' font-weight="bold"' if i == 0 else ""
        y = b.y + PADDING + 10 + i * LINE
        parts.append(text(b.x + PADDING, y, words, size=13 if i == 0 else 12, more=weight))
    return [f'<g class="{b.kind}">', *parts, "</g>"]
