"""Small real data that ships with the package, and the simple baselines a result on it is printed beside.

Loaders give plain Python and NumPy, in the same order each time. Where the data comes from, under which
licence, and what a simple method reaches on it: ``README.md`` in this folder.
"""

from .names import Spelling, spellings, split_by_name, surnames
from .series import Series, co2, sunspots
from .text import hamlet
