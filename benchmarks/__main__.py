"""``python -m benchmarks NAME [options]``: one benchmark, its table, and with ``--json`` its figures in a file."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from benchmarks.figures import say
from benchmarks.places import BenchmarkError

_NAMES = (
    "watching",
    "guarding",
    "checking",
    "suites",
    "neutral",
    "compatibility",
    "faults",
    "fuzz",
    "scale",
    "bounded",
    "diagnosis",
    "corpus",
    "signatures",
    "generated",
    "functions",
    "peers",
    "calibration",
    "fresh",
    "kills",
    "histories",
    "noise",
    "pages",
    "pictures",
)
_MODULES = {"suites": "real", "pages": "loading"}


def main(arguments: list[str]) -> int:
    """Exit status: 0 measured, 1 something that must hold does not, 2 could not measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    chosen = parser.add_subparsers(dest="name", required=True)
    modules = {name: importlib.import_module(f"benchmarks.{_MODULES.get(name, name)}") for name in _NAMES}
    for name, module in modules.items():
        sub = chosen.add_parser(name, help=(module.__doc__ or "").strip(), description=module.__doc__)
        sub.add_argument("--python", default="{}.{}".format(*sys.version_info[:2]), help="version (the running one)")
        sub.add_argument("--pairs", type=int, default=5, help="pairs of alternating runs (5)")
        sub.add_argument("--json", metavar="FILE", help="store the figures in this file")
        module.add_arguments(sub)
    options = parser.parse_args(arguments)
    # A job in the background ignores SIGINT and hands that down; suites that interrupt themselves would then hang.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        result = modules[options.name].measure(options)
    except BenchmarkError as error:
        say(f"cannot measure: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 2
    return 1 if result.get("failed") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
