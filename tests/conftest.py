"""Hypothesis draws the same examples in each run; `HYPOTHESIS_PROFILE=explore` draws new ones, and more."""

import os

from hypothesis import settings

settings.register_profile("fixed", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
