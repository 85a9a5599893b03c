"""Mistakes in markers."""

from __future__ import annotations

from tests.integration.mistakes import marker

MARK = "from @pytest.mark.memguard"
ON_TEST = "on test_cart.py::test_checkout"
MARKERS = [
    marker(
        "a keyword that does not exist",
        '@pytest.mark.memguard(limt="50 MB")',
        told=("'limt'", f"{MARK} {ON_TEST}", "limit, leak, confirm", "did you mean 'limit'?"),
    ),
    marker(
        "a limit that is no size",
        '@pytest.mark.memguard(limit="lots")',
        told=("'lots'", f"{MARK} {ON_TEST}", "a size such as"),
    ),
    marker(
        "a limit of nothing", "@pytest.mark.memguard(limit=0)", told=("limit 0", f"{MARK} {ON_TEST}", "at least 1 B")
    ),
    marker(
        "a negative limit",
        "@pytest.mark.memguard(limit=-5)",
        told=("limit -5", f"{MARK} {ON_TEST}", "it cannot be negative"),
    ),
    marker(
        "a size by position",
        '@pytest.mark.memguard("50 MB")',
        told=("'50 MB'", f"{MARK} {ON_TEST}", "keywords only", "write limit='50 MB'"),
    ),
    marker(
        "leak=False without a reason",
        "@pytest.mark.memguard(leak=False)",
        told=("leak False", f"{MARK} {ON_TEST}", "a reason beside it", 'leak=False, reason="..."'),
    ),
    marker(
        "leak=True",
        "@pytest.mark.memguard(leak=True)",
        told=("leak True", f"{MARK} {ON_TEST}", "False (not checked), or a size"),
    ),
    marker(
        "a reason that says nothing",
        '@pytest.mark.memguard(leak=False, reason=" ")',
        told=("reason ' '", f"{MARK} {ON_TEST}", "text that is not empty"),
    ),
    marker(
        "confirm by a word",
        '@pytest.mark.memguard(confirm="always")',
        told=("'always'", f"{MARK} {ON_TEST}", "true or false"),
    ),
    marker(
        "no runs",
        "@pytest.mark.memguard(runs=0)",
        told=("runs 0", f"{MARK} {ON_TEST}", "a whole number from 1 to 10000"),
    ),
    marker(
        "runs of a test that is never repeated",
        "@pytest.mark.memguard(confirm=False, runs=5)",
        told=("runs 5", f"{MARK} {ON_TEST}", "no confirm=False beside it", "keep one of the two"),
    ),
    marker(
        "a cleanup level that does not exist",
        '@pytest.mark.memguard(cleanup="agressive")',
        told=(
            "'agressive'",
            f"{MARK} {ON_TEST}",
            "gentle, moderate, aggressive or emergency",
            "did you mean 'aggressive'?",
        ),
    ),
    marker(
        "a component without a name",
        '@pytest.mark.memguard(component="")',
        told=("component ''", f"{MARK} {ON_TEST}", "text that is not empty"),
    ),
    marker(
        "heavy by degrees", '@pytest.mark.memguard(heavy="very")', told=("'very'", f"{MARK} {ON_TEST}", "true or false")
    ),
    marker(
        "a bad value on a class",
        '@pytest.mark.memguard(limit="huge")',
        body="class TestCart:\n    def test_checkout(self): pass",
        told=(
            "'huge'",
            f"{MARK} on test_cart.py::TestCart (for test_cart.py::TestCart::test_checkout)",
            "a size such as",
        ),
    ),
    marker(
        "a bad value on a module",
        'pytestmark = pytest.mark.memguard(runs="3")',
        told=("'3'", f"{MARK} on test_cart.py (for test_cart.py::test_checkout)", "a whole number"),
    ),
    marker(
        "limit_memory that is no size",
        '@pytest.mark.limit_memory("plenty")',
        told=("'plenty'", f"from @pytest.mark.limit_memory {ON_TEST}", "a size such as"),
    ),
    marker(
        "limit_leaks without a size",
        "@pytest.mark.limit_leaks()",
        told=("()", f"from @pytest.mark.limit_leaks {ON_TEST}", "one size", 'write it as "24 MB"'),
    ),
]
