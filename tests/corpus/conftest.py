"""The suites of the corpus are run by ``run.py``, each under its own pytest.ini, and never by the project's own tests."""

from __future__ import annotations

collect_ignore_glob = ["suites/*"]
