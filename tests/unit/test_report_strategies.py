"""Which strategies pay: in the terminal with -v, and from the workers to the controller."""

from __future__ import annotations

from pytest_memguard.chronicle import Chronicle
from pytest_memguard.report.terminal import section
from tests.unit.reported import FAILS, PAYS, run


def told(verbosity):
    report = run(strategies=(PAYS, FAILS))
    lines = [line.text for line in section(report, width=90, verbosity=verbosity, color=False)]
    start = next((index for index, line in enumerate(lines) if line.startswith("strategies")), len(lines))
    return lines[start : start + 3]


def test_what_pays_is_told_with_v_and_only_then():
    assert told(1) == [
        "strategies (2, what pays best first)",
        "  full_gc                3.0 MiB, 40 entries by 2 runs, 40 ms (154 KiB a ms)",
        "  search_index           unknown by 1 run, 5 s; 1 error: took more than 5 s",
    ]
    assert told(0) == []


def test_what_workers_say_adds_up():
    controller = Chronicle(10, absorbs=True)
    for _ in range(2):
        worker = Chronicle(10)
        worker.add_statistics(PAYS)
        controller.absorb(worker.end())

    assert list(controller.strategies) == ["full_gc"]
    assert (controller.strategies["full_gc"].runs, controller.strategies["full_gc"].freed_bytes) == (4, 6 * 2**20)
    assert controller.strategies["full_gc"].bytes_per_ms == PAYS.bytes_per_ms
