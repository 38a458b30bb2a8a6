"""Hypothesis without a clock, as machines differ; in CI with the same examples each time, so that a run repeats."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
