"""What watching costs: trivial tests with plain pytest and with every test watched."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import figures
from benchmarks.pairs import MODES, PLAIN, Comparison, compare
from benchmarks.places import BenchmarkError
from benchmarks.trivial import parametrized, runner
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_US = 1e6
_WANTED_US = 30.0
_PEER_TESTS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peer:
    name: str
    requirements: tuple[str, ...]
    plain: tuple[str, ...]
    on: tuple[str, ...]


_PEERS = (
    _Peer(
        name="pytest-memray --memray",
        requirements=(PYTEST, "pytest-memray==1.11.0"),
        plain=("-p", "no:memray"),
        on=("--memray",),
    ),
    _Peer(
        name="pytest-monitor",
        requirements=("pytest==8.4.2", "pytest-monitor==1.6.6", "setuptools<81"),
        plain=("-p", "no:monitor"),
        on=("--db", "monitor.db"),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks watching``."""
    parser.add_argument("--tests", type=int, default=5000, help="trivial tests in the suite (5000)")
    parser.add_argument("--peers", action="store_true", help=f"measure other plugins too, on {_PEER_TESTS} tests")
    parser.add_argument("--control", action="store_true", help="plain against plain: what the machine adds by itself")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """CPU per test that watching adds, start-up apart."""
    made = venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS))
    mode = "control" if options.control else "watching"
    if mode != "control":
        with_plugin(made)
    whole = _compared(made, options.tests, options.pairs, PLAIN, MODES[mode])
    start = _compared(made, 1, options.pairs, PLAIN, MODES[mode])
    rows = [_row(f"memguard, {mode}", options.tests, whole, start)]
    result: dict[str, Any] = {
        "tests": options.tests,
        "mode": mode,
        "whole": whole.to_json(),
        "start": start.to_json(),
        "added_us_per_test": whole.added_s.median / options.tests * _US,
        "added_us_per_test_without_start": (whole.added_s.median - start.added_s.median) / options.tests * _US,
    }
    if options.peers:
        result["peers"] = {}
        for peer in _PEERS:
            _with_peer(peer, options, rows, result["peers"])
    about = figures.machine(options.python, made.versions())
    figures.header(f"watching {options.tests} trivial tests, {options.pairs} pairs, CPU seconds: median (ends)", about)
    head = ("", "tests", "plain", "with", "ratio", "added us/test", "ends", "start-up ms", "us/test without it")
    figures.say(figures.table(head, rows))
    figures.say(f"wanted: at most {_WANTED_US:.0f} us of CPU a test over plain pytest")
    figures.store(options.json, "watching", about, result)
    return result


def _compared(made: Venv, tests: int, pairs: int, plain: Sequence[str], other: Sequence[str]) -> Comparison:
    folder = parametrized(tests)
    return compare(
        f"{tests} trivial tests", pairs, runner(made, folder, plain, tests), runner(made, folder, other, tests)
    )


def _row(name: str, tests: int, whole: Comparison, start: Comparison | None) -> tuple[str, ...]:
    added = whole.added_s
    return (
        name,
        str(tests),
        whole.plain_s.text(),
        whole.other_s.text(),
        f"{whole.ratio.median:.3f}",
        f"{added.median / tests * _US:.1f}",
        f"{added.low / tests * _US:.1f}..{added.high / tests * _US:.1f}",
        "-" if start is None else f"{start.added_s.median * 1e3:.1f}",
        "-" if start is None else f"{(added.median - start.added_s.median) / tests * _US:.1f}",
    )


def _with_peer(peer: _Peer, options: argparse.Namespace, rows: list[tuple[str, ...]], results: dict[str, Any]) -> None:
    try:
        made = venv(peer.name.split()[0], options.python, peer.requirements)
        compared = _compared(made, _PEER_TESTS, options.pairs, peer.plain, peer.on)
    except BenchmarkError as error:
        figures.progress(f"{peer.name} left out: {error}")
        results[peer.name] = {"left_out": str(error)}
        return
    rows.append(_row(peer.name, _PEER_TESTS, compared, None))
    results[peer.name] = {
        "tests": _PEER_TESTS,
        "requirements": list(peer.requirements),
        "added_us_per_test": compared.added_s.median / _PEER_TESTS * _US,
        **compared.to_json(),
    }
