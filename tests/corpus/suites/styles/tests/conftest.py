from __future__ import annotations

import pytest

collect_ignore = [] if hasattr(pytest, "Subtests") else ["test_pytest_subtests.py"]
