"""Small real data that ships with the package, baselines to print beside a result on it, and readers for
files.

What ships is given as plain Python and NumPy, in the same order each time; where it comes from, under
which licence, and what a simple method reaches on it: ``README.md`` in this folder. Files a user has are
read by `read_csv`, `read_tsv`, `read_json_lines`, `read_json` (tables by column), `read_text`,
`read_lines`, `read_npy`, `read_npz`, `read_image` and `ImageFolder`; `from_package` reads what installed
packages bring along, and `download` fetches a file by its address into a cache.
"""

from ..later import loader
from .names import Spelling, spellings, split_by_name, surnames
from .series import Series, co2, sunspots
from .text import hamlet

_IN_SUBMODULES = {
    "arrays": "ImageFolder read_image read_npy read_npz",
    "fetching": "download home",
    "installed": "from_package",
    "lines": "read_lines read_text",
    "tables": "read_csv read_json read_json_lines read_tsv",
}
_LATER: dict[str, tuple[str, str | None]] = {
    name: (module, name) for module, names in _IN_SUBMODULES.items() for name in names.split()
}
_LATER["baselines"] = ("baselines", None)
__getattr__, __dir__ = loader(__name__, _LATER)
