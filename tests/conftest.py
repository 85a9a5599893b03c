"""What the whole test suite shares."""

from __future__ import annotations

import os

# Runs that are part of a test have nothing to tell the job that this one may be part of.
for _name in [name for name in os.environ if name.startswith("GITHUB_")]:
    del os.environ[_name]

pytest_plugins = ["pytester"]
