"""The hooks that memguard calls, for a conftest.py or another plugin to implement.

They exist only in a run with ``--memguard``. A conftest that also has to work without the plugin installed marks its
implementations with ``@pytest.hookimpl(optionalhook=True)``. All of them run in the process that has the value:
under xdist, samples, pressure, cleanups, suspects, components and strategies in the workers, the rest in the
controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # hooks are declared while memguard is off, too
    from pytest_memguard.cleanup.registry import StrategyRegistry
    from pytest_memguard.components import ComponentRegistry
    from pytest_memguard.events import CleanupResult, ComponentUsage, PressureEvent
    from pytest_memguard.model import Finding, MemoryRecord, RunReport, Suspect

__all__ = [
    "pytest_memguard_cleanup",
    "pytest_memguard_component_report",
    "pytest_memguard_components",
    "pytest_memguard_leak",
    "pytest_memguard_pressure",
    "pytest_memguard_report",
    "pytest_memguard_sample",
    "pytest_memguard_strategies",
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
def pytest_memguard_pressure(event: PressureEvent) -> None:
    """Called when the level of memory pressure has changed, and while it stays high whenever an alert is due again.

    It is called between two tests, for what happened inside one as well; ``event.nodeid`` names that test, and is
    ``None`` before the first. ``event.alert`` says whether people are to be told, or a cooldown keeps it quiet.

    Use in a conftest, here to drop a cache of your own as soon as memory becomes scarce::

        import functools

        @functools.lru_cache(maxsize=None)
        def thumbnail(name):
            return bytes(100_000)

        def pytest_memguard_pressure(event):
            if event.level in ("critical", "emergency"):
                thumbnail.cache_clear()
    """


@pytest.hookspec
def pytest_memguard_cleanup(result: CleanupResult) -> None:
    """Called after each cleanup, and after each that was refused, whatever asked for it.

    ``result.strategies`` has what each strategy freed and took, ``result.refused`` why nothing was done. It is called
    between two tests.

    Use in a conftest, here to keep what cleanups gave back::

        def pytest_memguard_cleanup(result):
            with open("cleanups.txt", "a", encoding="utf-8") as log:
                print(f"{result.level} by {result.trigger}: {result.freed_bytes}", file=log)
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
def pytest_memguard_strategies(registry: StrategyRegistry) -> None:
    """Called once, after collection, to register cleanup strategies of your own.

    Each has a name, something to call without arguments, and the level that runs it; levels above run it, too. What it
    returns is the number of entries that it has freed, or ``None``. It may raise, and is stopped after 5 seconds
    (``time_limit_s``): that is recorded, and the others run. ``needs`` names a module that must be loaded for it, and
    ``during_tests=True`` says that it is harmless to a test that is running. ``memory.strategies`` in the YAML settings
    can put it into any level, or leave it out. A wrong value ends the run with a usage error.

    Use in a conftest, here for a cache that can be made anew, and for a service that only an emergency may stop::

        def pytest_memguard_strategies(registry):
            import shop.search

            registry.add("search_results", shop.search.forget_results, level="moderate", during_tests=True)
            registry.add("search_index", shop.search.stop, level="emergency", time_limit_s=30)
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
