"""Runs killed by SIGKILL: whether every file is whole, the old or the new one, and the postmortem true."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from typing import Any

from benchmarks import figures
from benchmarks.killing import FILES, MOMENTS, Killing, KillingError, Wound
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.runs import environment
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, venv, with_plugin

_EVERY = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks kills``."""
    parser.add_argument("--runs", type=int, default=200, help="runs to kill (200)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments (1)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Kill runs, a quarter at each kind of moment, and count what is wrong afterwards."""
    made = with_plugin(venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS)))
    folder = empty(cache("kills"))
    os.nice(5)
    try:
        killing = Killing(folder, made.python, environment(made.python), files=FILES, seed=options.seed)
        wounds = []
        for number in range(options.runs):
            wounds.append(killing.once(MOMENTS[number % len(MOMENTS)]))
            if (number + 1) % _EVERY == 0:
                figures.progress(f"{number + 1} of {options.runs} killed, {_wrong(wounds)} with mistakes")
    except KillingError as error:
        raise BenchmarkError(str(error)) from None
    about = figures.machine(options.python, made.versions())
    figures.header(f"kills: {options.runs} runs, seed {options.seed}", about)
    rows = [_row(moment, [wound for wound in wounds if wound.moment == moment]) for moment in MOMENTS]
    head = ("killed in", "runs", "in a test", "between", "no test yet", "files old", "files new", "broken", "mistakes")
    figures.say(figures.table(head, rows))
    mistakes = [mistake for wound in wounds for mistake in wound.mistakes]
    for mistake in mistakes:
        figures.say(f"WRONG: {mistake}")
    figures.say("wanted: no file broken, no mistake")
    result = {"runs": len(wounds), "seed": options.seed, "mistakes": mistakes, "failed": bool(mistakes)}
    figures.store(options.json, "kills", about, result)
    return result


def _row(moment: str, wounds: list[Wound]) -> tuple[str, ...]:
    states = Counter(state for wound in wounds for state in wound.files.values())
    words = Counter(wound.truth.partition(" ")[0] for wound in wounds)
    counts = (len(wounds), words["begin"], words["end"], words["nothing"], states["old"], states["new"])
    return (moment, *map(str, (*counts, states["broken"], _wrong(wounds))))


def _wrong(wounds: list[Wound]) -> int:
    return sum(bool(wound.mistakes) for wound in wounds)
