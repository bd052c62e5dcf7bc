"""Hypothesis profiles: `ci` repeats the same examples, `sanitize` keeps slow builds short.

Chosen by TRUENESS_HYPOTHESIS; without it `ci` where the environment says CI, else `dev`.
"""

import os

from hypothesis import settings

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("sanitize", settings.get_profile("ci"), max_examples=8)
settings.load_profile(os.environ.get("TRUENESS_HYPOTHESIS", "ci" if "CI" in os.environ else "dev"))
