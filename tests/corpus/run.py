"""Runs the corpus under memguard and compares the verdicts with the labels.

    python tests/corpus/run.py [--suite NAME ..] [--repeat N] [ARGUMENTS OF PYTEST ..]
    python tests/corpus/run.py -n 2
    python tests/corpus/run.py --corpus-order=random:7 --repeat 20

Also ``python -m tests.corpus.run``. Exit status 1 when a leak above the floors is missed, an innocent test is flagged,
a test gets another verdict than the only right one, or a suite does not pass.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from labels import SUITES, Label, WrongLabels, load  # noqa: E402
from verdicts import Comparison, compare  # noqa: E402

NEEDS = {"aio_asyncio": "pytest_asyncio", "aio_anyio": "anyio", "properties": "hypothesis"}
TIMEOUT_S = 1800
FLAGS = ("--memguard", "--memguard-fail-on=never", "--memguard-budget=1h")


class SuiteFailed(Exception):
    """pytest did not end with success, or left no report."""


def run_suite(suite: str, labels: Sequence[Label], extra: Sequence[str]) -> Comparison:
    """One run of one suite in a process of its own; raises :class:`SuiteFailed` or ``WrongLabels``."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        started = time.monotonic()
        report = _report(suite, Path(folder), extra)
        comparison = compare(suite, labels, report)
        comparison.seconds = time.monotonic() - started
        return comparison


def _report(suite: str, folder: Path, extra: Sequence[str]) -> Mapping[str, Any]:
    file = folder / "report.json"
    (folder / "temporary").mkdir()
    command = [sys.executable, "-m", "pytest", "-q", *_plugins(), *FLAGS, f"--memguard-json={file}"]
    command += [f"--basetemp={folder / 'tmp'}", "-o", f"cache_dir={folder / 'cache'}", *extra]
    try:
        done = subprocess.run(
            command,
            cwd=SUITES / suite,
            env=_environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SuiteFailed(f"{suite}: still running after {TIMEOUT_S} s") from None
    if done.returncode or not file.is_file():
        raise SuiteFailed(f"{suite}: pytest ended with {done.returncode}\n{done.stdout[-6000:]}")
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _plugins() -> list[str]:
    """The order plugin, and memguard itself where it is not installed but lies in the checkout."""
    installed = any(point.name == "memguard" for point in importlib.metadata.entry_points(group="pytest11"))
    return ["-p", "corpus_order"] + ([] if installed else ["-p", "pytest_memguard.plugin"])


def _environment(folder: Path) -> dict[str, str]:
    paths = [str(HERE / "order"), str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder / "temporary"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


def print_table(runs: Sequence[Comparison]) -> None:
    """One line a suite, one a kind, and how many tests got which verdict."""
    print(f"\n{'suite':14}{'tests':>7}{'leaks':>7}{'found':>7}{'missed':>8}{'below floor':>13}", end="")
    print(f"{'innocent':>10}{'false alarms':>14}{'unexpected':>12}{'seconds':>9}")
    for run in runs:
        leaks, found = sum(map(len, run.leaks.values())), sum(map(len, run.found.values()))
        below = f"{len(run.found_below_floor)} of {len(run.found_below_floor) + len(run.below_floor)}"
        print(f"{run.suite:14}{run.tests:7}{leaks:7}{found:7}{len(run.missed):8}{below:>13}", end="")
        print(f"{run.innocent:10}{len(run.false_alarms):14}{len(run.unexpected):12}{run.seconds:9.1f}")
    for kind in sorted({kind for run in runs for kind in run.leaks}):
        leaks = sum(len(run.leaks.get(kind, ())) for run in runs)
        found = sum(len(run.found.get(kind, ())) for run in runs)
        print(f"{kind}: {found} of {leaks} found")
    counts = sum((run.counts() for run in runs), Counter[str]())
    print("verdicts:", ", ".join(f"{count} {name}" for name, count in counts.most_common()))


def print_failures(runs: Sequence[Comparison]) -> None:
    for run in runs:
        if run.failure:
            print(f"FAILED  {run.failure}")
        for word, lines in (
            ("MISSED", run.missed),
            ("FALSE ALARM", run.false_alarms),
            ("UNEXPECTED", run.unexpected),
            ("below floor, missed", run.below_floor),
            ("not judged on this Python", [name for name in run.unjudged if name in run.flagged]),
        ):
            for line in lines:
                print(f"{word}  {run.suite}/{line}")


def print_stability(rounds: Sequence[Sequence[Comparison]]) -> bool:
    """Whether every run decided alike on every judged test; verdicts that changed their name are listed."""
    seen: dict[str, set[str]] = {}
    for runs in rounds:
        for run in runs:
            for nodeid, verdict in run.verdicts.items():
                seen.setdefault(f"{run.suite}/{nodeid}", set()).add(verdict)
    same = [all(a.decided == b.decided for a, b in zip(rounds[0], runs, strict=True)) for runs in rounds]
    changed = {nodeid: names for nodeid, names in seen.items() if len(names) > 1}
    print(f"\nthe same decisions in {sum(same)} of {len(rounds)} runs; {len(changed)} verdicts changed their name")
    for nodeid, names in sorted(changed.items()):
        print(f"  {nodeid}: {' / '.join(sorted(names))}")
    return all(same)


def run_once(suites: Sequence[str], labels: Mapping[str, Sequence[Label]], extra: Sequence[str]) -> list[Comparison]:
    """One run of every suite; one that fails is reported and the others go on."""
    runs = []
    for suite in suites:
        try:
            runs.append(run_suite(suite, labels[suite], extra))
        except (SuiteFailed, WrongLabels) as failure:
            runs.append(Comparison(suite=suite, failure=str(failure)))
        print(f"{suite}: {runs[-1].seconds:.1f} s", file=sys.stderr, flush=True)
    return runs


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", metavar="NAME", help="only this suite; may be repeated")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run everything N times and compare")
    options, extra = parser.parse_known_args(arguments)
    labels = load()
    wanted = options.suite or list(labels)
    if unknown := set(wanted) - set(labels):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(labels)}")
    absent = {suite: NEEDS[suite] for suite in wanted if suite in NEEDS and not importlib.util.find_spec(NEEDS[suite])}
    for suite, module in absent.items():
        print(f"{suite} is left out: {module} is not installed")
    rounds = []
    for _ in range(options.repeat):
        rounds.append(run_once([suite for suite in wanted if suite not in absent], labels, extra))
        print_table(rounds[-1])
        print_failures(rounds[-1])
        sys.stdout.flush()
    stable = print_stability(rounds) if options.repeat > 1 else True
    return 0 if stable and all(run.good for runs in rounds for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
