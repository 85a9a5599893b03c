"""``python -m pytest_memguard``: the command ``memguard``, where scripts are not on the path."""

from __future__ import annotations

import sys

from pytest_memguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
