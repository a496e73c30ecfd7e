"""Pictures and words about models: drawn as SVG by the package itself, so that nothing has to be installed.

Each function returns a `Picture`: save it as .svg or .html, show it in a browser, or leave it to a notebook.
"""

from .curves import bars, curves, save_curves
from .explain import explain
from .flow import gates, gradient_by_step, gradient_flow, gradient_sizes, gradient_through_time
from .graph import graph
from .heatmap import heatmap
from .summary import summary
from .svg import Picture
from .trace import trace

__all__ = [
    "Picture",
    "bars",
    "curves",
    "explain",
    "gates",
    "gradient_by_step",
    "gradient_flow",
    "gradient_sizes",
    "gradient_through_time",
    "graph",
    "heatmap",
    "save_curves",
    "summary",
    "trace",
]
