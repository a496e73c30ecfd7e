"""How Sphinx builds the documents: `make docs`. `reference.py` writes the API reference, `pictures.py`
draws.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import notebooks  # noqa: E402
import pictures  # noqa: E402
import playground  # noqa: E402
import reference  # noqa: E402

import minigrad  # noqa: E402

project = "minigrad"
copyright = "the minigrad authors"
version = release = minigrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "exercises"]
default_role = "code"
html_theme = "furo"
html_title = f"minigrad {release}"
html_static_path = ["_static"]
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "friendly", "monokai"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # what a method does in general stands at its base class
autodoc_typehints = "none"  # docstrings have shapes and units, beside which "Any" says nothing
toc_object_entries = False
add_module_names = False


def setup(app) -> None:
    """Sphinx calls this before it reads a page."""
    reference.write_pages(HERE / "api")
    pictures.draw(HERE / "pictures")
    notebooks.write_page(HERE / "lesson.ipynb", HERE / "lesson")
    playground.prepare(playground.PAGE, os.environ.get("PYODIDE_URL", ""))
    app.connect("autodoc-process-docstring", reference.as_restructured_text)
