"""The hooks that memguard calls, for a conftest.py or another plugin to implement.

They exist only in a run with ``--memguard``. A conftest that also has to work without the plugin installed marks its
implementations with ``@pytest.hookimpl(optionalhook=True)``. All of them run in the process that has the value:
under xdist, samples, suspects and components in the workers, the rest in the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_memguard.events import ComponentUsage
from pytest_memguard.model import Finding, MemoryRecord, RunReport, Suspect

if TYPE_CHECKING:
    from pytest_memguard.components import ComponentRegistry  # not needed while memguard is off

__all__ = [
    "pytest_memguard_component_report",
    "pytest_memguard_components",
    "pytest_memguard_leak",
    "pytest_memguard_report",
    "pytest_memguard_sample",
    "pytest_memguard_suppress",
    "pytest_memguard_suspect",
]


@pytest.hookspec
def pytest_memguard_sample(sample: MemoryRecord) -> None:
    """Called after each test of the suite's own run, with what was measured over it.

    It runs once a test: keep it to microseconds, and keep nothing. Sizes are bytes; ``None`` is a metric that could
    not be read on this machine. ``sample.verdict`` is still ``unchecked`` here, since repetition comes after the run.

    Use in a conftest, here to write down the tests whose peak is far above where they started::

        def pytest_memguard_sample(sample):
            if sample.peak_rss_bytes is None or sample.rss_before_bytes is None:
                return
            if sample.peak_rss_bytes - sample.rss_before_bytes > 100 * 1024 * 1024:
                with open("hungry-tests.txt", "a", encoding="utf-8") as log:
                    print(f"{sample.nodeid} {sample.peak_rss_bytes}", file=log)
    """


@pytest.hookspec
def pytest_memguard_suspect(suspect: Suspect) -> None:
    """Called when every first repetition of a test retained something, before the rounds that decide whether it leaks.

    Many suspects turn out to be caches that fill to their bound: nothing is wrong yet. The call is made between two
    repetitions, outside of what is measured.

    Use in a conftest, here to see what takes the time of the checking::

        def pytest_memguard_suspect(suspect):
            with open("suspects.txt", "a", encoding="utf-8") as log:
                print(f"{suspect.nodeid}: {', '.join(suspect.metrics)}", file=log)
    """


@pytest.hookspec
def pytest_memguard_components(registry: ComponentRegistry) -> None:
    """Called once, after collection, to register components: what is counted, bounded, cleaned and shut down.

    Each has a name and ``track``: its containers, as ``"module:attribute"`` (looked up when the module is loaded,
    never imported), or a mapping of names to containers or to functions that give one. All the rest is optional:
    ``measure``, ``limits``, ``cleanup``, ``shutdown``, ``restart``, ``essential``, as ``memory.components`` in the YAML
    settings has them; functions may be given as such. A wrong value ends the run with a usage error. What gives or
    measures containers is called after each test: keep it to microseconds; what takes a second is not called again.

    Use in a conftest, here for a queue that is made anew in each test and for a cache with a limit::

        def pytest_memguard_components(registry):
            import shop.messages

            registry.register("queue", track={"waiting": lambda: shop.messages.queue.waiting})
            registry.register(
                "history",
                track="shop.messages:history",
                limits={"history": 500},
                cleanup={"aggressive": shop.messages.forget},
                shutdown=shop.messages.stop,
                restart=shop.messages.start,
            )
    """


@pytest.hookspec
def pytest_memguard_component_report(usage: ComponentUsage) -> None:
    """Called for each component after each test, with what it holds and by how much the test has changed that.

    It runs once a component and test: keep it to microseconds. ``None`` is what could not be read (``usage.error``
    says why), and ``grown_bytes`` is ``None`` also where weighing after each test would have cost too much.

    Use in a conftest, here to write down the tests that fill a component over its limits::

        def pytest_memguard_component_report(usage):
            if usage.over and usage.grown_entries:
                with open("over.txt", "a", encoding="utf-8") as log:
                    print(f"{usage.nodeid} {usage.component} {usage.entries} ({usage.grown_entries:+})", file=log)
    """


@pytest.hookspec
def pytest_memguard_leak(finding: Finding) -> None:
    """Called once for each confirmed leak, after grouping and suppression, whether or not it fails the run.

    ``finding.gates`` says whether it does, ``finding.witnesses`` has every test that shows it, ``finding.diagnosis``
    the types, allocation sites and retainer paths as far as they were found.

    Use in a conftest, here to keep one line a leak for a tracker::

        def pytest_memguard_leak(finding):
            with open("leaks.txt", "a", encoding="utf-8") as log:
                print(f"{finding.diagnosis.signature} {finding.bytes_per_run} {finding.nodeid}", file=log)
    """


@pytest.hookspec(firstresult=True)
def pytest_memguard_suppress(finding: Finding) -> str | None:
    """Called for each confirmed leak before it may fail the run; the first reason that is returned suppresses it.

    Return a text that says why the leak is accepted: it is shown wherever the leak is listed, and the leak does not
    fail the run. Return ``None`` to leave the decision to the others.

    Use in a conftest, here to accept what a library is known to keep for good::

        def pytest_memguard_suppress(finding):
            if any(site.file.startswith("vendor/") for site in finding.diagnosis.sites):
                return "vendored code, fixed in its next release"
            return None
    """


@pytest.hookspec
def pytest_memguard_report(report: RunReport) -> None:
    """Called once, at the end, with the whole run, before anything is rendered or written.

    ``report.tests`` makes its records one at a time: iterate over it, and do not turn it into a list in a large suite.

    Use in a conftest, here to leave the peak of the run where another job can read it::

        import json

        def pytest_memguard_report(report):
            numbers = {"peak": report.session.peak_rss_bytes, "leaks": len(report.leaks), "tests": len(report.tests)}
            with open("memory-numbers.json", "w", encoding="utf-8") as out:
                json.dump(numbers, out)
    """
