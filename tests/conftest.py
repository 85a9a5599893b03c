"""What the whole test suite shares."""

from __future__ import annotations

import os

# Runs that are part of a test have nothing to tell the job that this one may be part of.
for _name in [name for name in os.environ if name.startswith("GITHUB_")]:
    del os.environ[_name]

pytest_plugins = ["pytester"]


def pytest_collection_modifyitems(items):
    """The suites of the corpus take longest: begun last, they would keep one worker busy when the others have ended."""
    items.sort(key=lambda item: "test_corpus.py" not in item.nodeid)
