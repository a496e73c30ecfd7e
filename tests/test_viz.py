"""Pictures: what they show is right, and a file is written whole or not at all."""

import collections
import itertools
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import minigrad
import minigrad as torch
from minigrad import nn, viz
from minigrad.viz import save_curves
from minigrad.viz.curves import round_ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(tmp_path, curves, **settings):
    path = tmp_path / "curves.svg"
    save_curves(path, curves, **settings)
    return ElementTree.fromstring(path.read_text())


def test_one_line_per_series_with_a_point_per_value(tmp_path):
    root = drawn(
        tmp_path, {"training": [3.0, 2.0, 1.5], "test": [3.5, 2.5]}, title="loss & more", x_name="epoch"
    )
    lines = root.findall(f"{SVG}polyline")
    assert [len(line.get("points").split()) for line in lines] == [3, 2]
    assert len(root.findall(f"{SVG}circle")) == 5
    words = [text.text for text in root.findall(f"{SVG}text")]
    assert {"loss & more", "epoch", "training", "test"} <= set(words)


def test_higher_values_are_drawn_higher(tmp_path):
    root = drawn(tmp_path, {"loss": [5.0, 1.0, 3.0]})
    points = [tuple(map(float, p.split(","))) for p in root.find(f"{SVG}polyline").get("points").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2
    assert y0 < y2 < y1  # SVG counts downwards
    assert math.isclose((y1 - y2) / (y1 - y0), 0.5, abs_tol=0.01)


def test_names_of_lines_that_end_together_do_not_overlap(tmp_path):
    root = drawn(tmp_path, {"a": [1.0, 2.0], "b": [2.0, 2.0], "c": [3.0, 2.0]})
    heights = sorted(float(t.get("y")) for t in root.findall(f"{SVG}text") if t.text in ("a", "b", "c"))
    assert all(b - a >= 14 for a, b in itertools.pairwise(heights))


def test_values_that_are_not_finite_are_left_out(tmp_path):
    root = drawn(tmp_path, {"loss": [1.0, math.nan, 2.0, math.inf]})
    assert len(root.findall(f"{SVG}circle")) == 2


def test_nothing_to_draw_is_refused_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "curves.svg"
    save_curves(path, {"loss": [1.0]})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="nothing to draw"):
        save_curves(path, {"loss": []})
    assert path.read_bytes() == before


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.001, 0.0042), (5, 5), (0, 1234)])
def test_ticks_are_round_and_span_the_values(low, high):
    ticks = round_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 12
    steps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1


# ---- the graph -----------------------------------------------------------------------------------
def parsed(picture):
    return ElementTree.fromstring(picture.svg)


def classes(picture):
    """How many boxes of each kind, and how many lines, a picture of a graph has."""
    root = parsed(picture)
    found = collections.Counter(g.get("class") for g in root.iter(f"{SVG}g"))
    return found, len([p for p in root.iter(f"{SVG}path") if p.get("class") == "edge"])


def words(picture):
    return [text.text for text in parsed(picture).iter(f"{SVG}text")]


def test_a_graph_has_a_box_per_op_and_leaf_and_a_line_per_use():
    x = torch.randn(3, requires_grad=True)
    y = torch.randn(2, 3, requires_grad=True)
    result = (torch.tanh(x) * y + x).sum()
    found, lines = classes(viz.graph(result, names={"x": x, "y": y}))
    assert found == {"op": 4, "leaf": 2}  # tanh, mul, add, sum; x, y
    assert lines == 6  # x-tanh, tanh-mul, y-mul, mul-add, x-add, add-sum
    shown = words(viz.graph(result, names={"x": x, "y": y}))
    assert {"x  3", "y  2x3", "tanh  3", "mul  2x3", "keeps out 3", "keeps x 3, y 2x3"} <= set(shown)


def test_lines_carry_the_norms_of_gradients_and_nothing_changes():
    x = torch.tensor([3.0, 4.0], requires_grad=True)
    y = torch.tensor(2.0, requires_grad=True)
    result = (x * y).sum()
    shown = words(viz.graph(result, gradients=True))
    assert "7" in shown  # to y: 3 + 4
    assert "2.83" in shown  # to x: |(2, 2)|
    assert x.grad is None
    result.backward()
    assert y.grad.item() == 7
    with pytest.raises(RuntimeError, match="second time"):
        viz.graph(result, gradients=True)


def test_a_result_used_twice_is_drawn_once():
    x = torch.randn(2, requires_grad=True)
    y = torch.exp(x)
    found, lines = classes(viz.graph((y * y + y).sum()))
    assert found == {"op": 4, "leaf": 1}
    assert lines == 5  # x-exp, exp-mul for both arguments, exp-add, mul-add, add-sum


def test_several_results_of_one_op_are_one_box():
    layer = nn.LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    output, _ = layer(x)
    h, (_, c) = layer(x)
    one, _ = classes(viz.graph(output.sum()))
    both, _ = classes(viz.graph(h.sum() + c.sum()))
    assert one["leaf"] == both["leaf"] == 4
    lstms = [w for w in words(viz.graph(h.sum() + c.sum())) if w.startswith("lstm")]
    assert lstms == ["lstm  5x2x4 2x4 2x4"]


def test_a_large_graph_is_folded_by_module():
    model = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(10)))
    with viz.trace(model) as traced:
        loss = model(torch.randn(2, 4)).sum()
    whole, _ = classes(viz.graph(loss, traced, limit=100))
    assert whole == {"op": 21, "leaf": 20}
    folded, lines = classes(viz.graph(loss, traced, limit=15))
    assert folded == {"module": 10, "op": 1}
    assert lines == 10
    assert "3: Sequential" in words(viz.graph(loss, traced, limit=15))
    assert "2 ops, 2 leaves" in words(viz.graph(loss, traced, limit=15))
    tiny, _ = classes(viz.graph(loss, traced, limit=2))
    assert tiny == {"module": 1, "op": 1}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_large_graph_without_modules_folds_its_oldest_ops():
    x = torch.randn(2, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y * 1.001
    picture = viz.graph(y.sum(), limit=10)
    found, _ = classes(picture)
    assert found == {"op": 10, "more": 1}
    assert "2991 older ops" in words(picture)


def test_boxes_do_not_overlap_and_results_stand_below():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    root = parsed(viz.graph(model(torch.randn(3, 2, 8)).sum()))
    frames = [
        tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
        for g in root.iter(f"{SVG}g")
        for r in g.findall(f"{SVG}rect")
    ]
    for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(frames, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    for path in root.iter(f"{SVG}path"):
        numbers = [float(n) for n in path.get("d")[1:].replace("C", " ").split()]
        assert numbers[1] < numbers[-1]


def test_a_tensor_without_graph_is_refused():
    with pytest.raises(RuntimeError, match="requires grad"):
        viz.graph(torch.randn(2))
    with pytest.raises(RuntimeError, match="requires grad"):
        viz.explain(torch.randn(2))


# ---- explain -------------------------------------------------------------------------------------
def test_explain_quotes_each_formula_where_it_stands():
    w = torch.tensor([0.5, -0.25], requires_grad=True)
    x = torch.tensor([2.0, 4.0])
    told = viz.explain((w * x).sum(), names={"w": w})
    assert "g * y    [minigrad/ops/elementwise.py:" in told
    assert "y = [2., 4.]" in told
    assert "w: gradient [2., 4.], from one use." in told
    file, line = re.search(r"g \* y    \[(\S+):(\d+)\]", told).groups()
    source = (Path(minigrad.__file__).parents[1] / file).read_text().splitlines()
    assert "lambda g, y: g * y" in source[int(line) - 1]


def test_explain_adds_up_the_uses_of_a_leaf():
    x = torch.tensor(3.0, requires_grad=True)
    told = viz.explain(x * x + x, names={"x": x})
    assert "x: gradient 7., from 3 uses, added up." in told
    assert x.grad is None


def test_explain_keeps_to_the_way_to_one_leaf():
    x, y = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    told = viz.explain(torch.exp(x) * torch.sin(y), to=y, names={"x": x, "y": y})
    assert "sin" in told
    assert "exp made" not in told
    assert "x: gradient" not in told
    with pytest.raises(RuntimeError, match="not among the tensors"):
        viz.explain(torch.exp(x), to=y)


def test_explain_tells_of_as_many_ops_as_wanted():
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100):
        y = y + 1.0
    told = viz.explain(y, limit=5)
    assert told.count(" made ") == 5 + 5  # a heading and an argument for each
    assert "95 older ops" in told
    assert "gradient 1., from one use" in told


# ---- summary -------------------------------------------------------------------------------------
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.lstm = nn.LSTM(8, 16)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(16, 2)

    def forward(self, words):
        return self.out(self.drop(self.lstm(self.embedding(words))[0]))


def test_summary_counts_parameters_and_operations():
    model = Tagger()
    found = viz.summary(model, torch.randint(0, 30, (20, 4)))
    rows = {row.name: row for row in found.rows}
    assert [row.name for row in found.rows] == ["embedding", "lstm", "drop", "out"]
    assert found.total_parameters == sum(p.numel() for p in model.parameters())
    assert rows["lstm"].output == "20x4x16"
    assert rows["lstm"].products == 20 * 4 * (64 * 8 + 64 * 16)
    assert rows["out"].products == 20 * 4 * 16 * 2
    assert rows["embedding"].products is None
    assert "20x4x2" in str(found)
    assert "multiply-adds" not in str(viz.summary(model)).splitlines()[-1]


def test_summary_leaves_the_model_and_the_random_stream_as_they_were():
    model = Tagger().train()
    model.drop.eval()
    state = torch.get_rng_state()
    viz.summary(model, torch.zeros(3, 2, dtype=torch.int64))
    assert model.training
    assert not model.drop.training
    assert torch.equal(state, torch.get_rng_state())
    assert not any(m._forward_hooks for m in model.modules())


# ---- gates, flows, heatmaps ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("layer", "names"), [(nn.LSTM, "input forget cell output c h"), (nn.GRU, "reset update new h")]
)
def test_gates_end_in_the_states_that_the_layer_gives(layer, names):
    made = layer(3, 5)
    x = torch.randn(7, 3)
    found = viz.gates(made, x)
    assert list(found) == names.split()
    assert all(values.shape == (7, 5) for values in found.values())
    assert torch.allclose(torch.from_numpy(found["h"]), made(x)[0], atol=1e-6)
    with pytest.raises(TypeError, match="has none"):
        viz.gates(nn.RNN(3, 5), x)


def test_gradients_by_step_are_those_of_the_input():
    layer = nn.RNN(3, 5)
    x = torch.randn(9, 2, 3, requires_grad=True)
    loss = layer(x)[0][5].sum()
    sizes = viz.gradient_by_step(loss, x)
    assert [size > 0 for size in sizes] == [True] * 6 + [False] * 3
    loss.backward()
    assert math.isclose(sizes[2], x.grad[2].norm().item(), rel_tol=1e-5)
    picture = viz.gradient_through_time({"RNN": sizes})
    assert len(parsed(picture).findall(f"{SVG}circle")) == 6  # zeros have no logarithm


def test_gradient_flow_has_a_bar_per_parameter():
    model = nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match="backward"):
        viz.gradient_flow(model)
    model(torch.randn(4, 3)).sum().backward()
    shown = words(viz.gradient_flow(model))
    assert {"weight", "bias", f"{model.bias.grad.norm().item():.3g}"} <= set(shown)


def test_a_heatmap_is_as_wide_as_its_title():
    narrow, wide = (
        viz.heatmap([[0.0, 1.0]], title=title) for title in ("", "what the cells remember of this")
    )
    assert wide.width > narrow.width


def test_a_heatmap_has_a_cell_per_number_and_red_for_the_largest():
    picture = viz.heatmap([[0.0, 1.0, -1.0], [math.nan, 0.5, 0.25]], rows=["a", "b"], columns=["x", "y", "z"])
    cells = [r for r in parsed(picture).iter(f"{SVG}rect") if r.get("class") == "cell"]
    assert len(cells) == 5
    assert cells[1].get("fill") == "#b2182b"
    assert cells[2].get("fill") == "#2166ac"
    assert cells[0].get("fill") == "#f7f7f7"  # with both signs, zero is white
    with pytest.raises(ValueError, match="3 rows are named"):
        viz.heatmap([[1.0, 2.0]], rows=["a", "b", "c"])


def test_a_picture_is_a_page_or_an_image(tmp_path):
    picture = viz.bars({"a": 1.0, "b": -2.0}, title="<b>")
    picture.save(tmp_path / "p.svg")
    picture.save(tmp_path / "p.html")
    assert ElementTree.parse(tmp_path / "p.svg").getroot().tag == f"{SVG}svg"
    page = (tmp_path / "p.html").read_text()
    assert "<svg" in page
    assert "<title>&lt;b&gt;</title>" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched
    with pytest.raises(ValueError, match=r"\.svg or \.html"):
        picture.save(tmp_path / "p.png")
    assert picture._repr_svg_() == picture.svg


def test_levels_are_dashed_and_logarithmic_axes_have_powers_of_ten():
    picture = viz.curves({"loss": [1.0, 0.01, 0.0]}, log_y=True, levels={"baseline": 0.1})
    root = parsed(picture)
    assert len(root.findall(f"{SVG}circle")) == 2
    assert "baseline" in words(picture)
    assert {"1", "0.1", "0.01"} <= set(words(picture))
    assert any(p.get("stroke-dasharray") for p in root.iter(f"{SVG}path"))
