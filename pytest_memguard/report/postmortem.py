"""A run that was killed, told to people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from pytest_memguard.recorder.postmortem import Postmortem, ProcessEnd
from pytest_memguard.recorder.recording import RecordedTest
from pytest_memguard.report.text import harmless, shortened, wrapped
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["last_words", "mention", "postmortem_lines", "signal_name"]

_INDENT = "  "
_LABEL = 10
_LEAST_NAME = 20
_MOST_PROCESSES = 64
_LEAST_GROWTH = 1 << 20  # any test may grow by less, and does no harm
_SIGNALS = {1: "SIGHUP", 6: "SIGABRT", 7: "SIGBUS", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM"}


def mention(found: Postmortem) -> str:
    """One line for the run after it."""
    killed = found.killed
    if not killed:
        doing = "before its first test"
    elif len(killed) == 1:
        doing = last_words(killed[0])
    else:
        at_work = [each for each in killed if each.victim is not None and each.victim.is_running]
        doing = f"with {len(killed)} workers"
        if at_work:
            largest = max(at_work, key=lambda each: each.rss or 0)
            doing += f", the largest ({largest.worker}) {last_words(largest)}"
    return f"memguard: the last run was killed {doing}; `memguard postmortem` shows it"


def last_words(process: ProcessEnd) -> str:
    """What one process was doing, and with how much memory: ``while running NODEID (call): 1 GiB resident, ..``."""
    test = process.victim
    if test is None:
        return "before its first test"
    between = "while it reported, after" if process.stage == "reporting" else "after"
    where = "while running" if test.is_running else between
    doing = f"{where} {harmless(test.nodeid)}{_detail(test)}"
    memory = _resident(process.rss, test.growth)
    return f"{doing}: {memory}" if memory else doing


def postmortem_lines(found: Postmortem, width: int) -> Iterator[str]:
    """The whole story, in lines of at most *width* columns where names allow it."""
    started = datetime.fromtimestamp(found.started, timezone.utc).astimezone().isoformat(sep=" ", timespec="seconds")
    state = "still goes on" if found.still_running else "was killed"
    # What a controller has outlived it has told itself.
    which = "a worker of the run" if all(each.role == "worker" for each in found.processes) else "the run"
    yield from wrapped(f"{which} of {started} {state} (Python {found.python}, {found.rootdir})", width)
    for process in found.processes:
        if process.role == "controller" and not process.has_ended:
            yield from _labelled("controller", f"process {process.pid} was killed, and its workers ended", width)
    for process in found.killed[:_MOST_PROCESSES]:
        label = "victim" if process.role == "main" else process.worker[:_LABEL]
        yield from _labelled(label, last_words(process), width)
        if process.signal is not None:
            yield from _labelled("", f"process {process.pid} was ended by {signal_name(process.signal)}", width)
    yield from _labelled("culprit", _culprit(found), width)
    verdict = found.out_of_memory
    reasons = "; ".join(verdict.reasons) or "nothing is known of its limits"
    yield from _labelled("OOM killer", f"{verdict.likelihood}: {reasons}", width)
    for process in found.killed[:_MOST_PROCESSES]:
        if process.tests:
            yield ""
            title = "last tests" if process.role == "main" else f"last tests of {process.worker}"
            yield from _table(title, process.tests, width)
    yield ""
    for process in found.killed[:_MOST_PROCESSES]:
        yield f"{_INDENT}{'file':<{_LABEL}} {harmless(process.path)}"


def signal_name(number: int) -> str:
    """``SIGKILL``, ``signal 64``."""
    return _SIGNALS.get(number, f"signal {number}")


def _culprit(found: Postmortem) -> str:
    test = found.culprit
    if test is None or test.growth is None:
        return "no test that is recorded has grown"
    worker = "" if found.culprit_worker in (None, "main") else f" in {found.culprit_worker}"
    grown = format_bytes(test.growth, signed=True)
    if test.growth < _LEAST_GROWTH:
        return f"nobody: {test.nodeid}{worker} has grown most, {grown}{_doubt(found)}"
    runs = f" in {test.runs} runs" if test.runs > 1 else ""
    victims = [each.victim.nodeid for each in found.killed if each.victim is not None and each.victim.is_running]
    same = ", the test that was running" if test.nodeid in victims else ""
    return f"{test.nodeid}{worker} has grown most: {grown}{runs}{same}{_doubt(found)}"


def _doubt(found: Postmortem) -> str:
    """Nobody has looked at a test that was killed early: what it had taken is not known."""
    unseen = [each for each in found.killed if each.victim is not None and each.victim.is_running]
    if any(each.victim is not None and each.victim.rss_after is None for each in unseen):
        return " (what the test that was running had taken is not known)"
    return ""


def _detail(test: RecordedTest) -> str:
    if test.pass_number > 1:
        return f" (repetition {test.runs})"
    return f" ({test.phase})" if test.phase else ""


def _resident(rss: int | None, growth: int | None) -> str:
    if rss is None:
        return ""
    grown = "" if growth is None else f", {format_bytes(growth, signed=True)} since it began"
    return f"{format_bytes(rss)} resident{grown}"


def _labelled(label: str, text: str, width: int) -> list[str]:
    first = f"{_INDENT}{harmless(label):<{_LABEL}} "
    return wrapped(text, width, first=first, rest=" " * len(first))


def _table(title: str, tests: Sequence[RecordedTest], width: int) -> Iterator[str]:
    name = max(width - 46, _LEAST_NAME)
    yield f"{_INDENT}{title:<{name}} {'before':>10} {'after':>10} {'growth':>11} {'time':>8}"
    for test in tests:
        label = test.nodeid if test.runs == 1 else f"{test.nodeid} x{test.runs}"
        cells = (
            shortened(label, name).ljust(name),
            f"{_size(test.rss_before):>10}",
            f"{_size(test.rss_after):>10}",
            f"{'?' if test.growth is None else format_bytes(test.growth, signed=True):>11}",
            f"{'killed' if test.is_running else format_duration(max(test.at_s - test.started_s, 0.0)):>8}",
        )
        yield f"{_INDENT}{' '.join(cells)}"


def _size(size: int | None) -> str:
    return "?" if size is None else format_bytes(size)
