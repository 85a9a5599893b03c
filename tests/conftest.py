"""What the whole test suite shares."""

from __future__ import annotations

pytest_plugins = ["pytester"]
