"""One session with memguard on: what pytest tells about the run goes to the guard, what it finds comes back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_memguard import __version__, entries, options
from pytest_memguard.agenda import Agenda, can_repeat
from pytest_memguard.announcing import Announcement
from pytest_memguard.cleanup import CleanupManager, open_cleanup
from pytest_memguard.events import PressureFailure
from pytest_memguard.guard import Guard
from pytest_memguard.model import Finding, RunReport, Suspect
from pytest_memguard.outputs import Outputs, told_unwritten
from pytest_memguard.pressure import rank
from pytest_memguard.probes.limits import Usage
from pytest_memguard.progress import Progress
from pytest_memguard.protection import Protection
from pytest_memguard.reception import Reception, open_reception
from pytest_memguard.registration import register_components, register_strategies
from pytest_memguard.repetition import RepetitionHooks
from pytest_memguard.report.entry import failing as failing_entries
from pytest_memguard.report.terminal import section
from pytest_memguard.selection import Selection
from pytest_memguard.settings import MarkerSettings, Resolved
from pytest_memguard.units import format_bytes
from pytest_memguard.watching import WatchingHooks
from pytest_memguard.xdist import role_of, tell_controller, worker_of

if TYPE_CHECKING:
    from pytest_memguard.earlier import EarlierRuns
    from pytest_memguard.repeat import Repeater
    from pytest_memguard.subjects import Subject


class MemguardSession:
    """The second-stage plugin, registered only while memguard is on."""

    def __init__(self, config: pytest.Config, resolved: Resolved) -> None:
        role = role_of(config)
        self.guard = Guard(
            resolved.settings, version=__version__, rootdir=str(config.rootpath), worker=worker_of(config), role=role
        )
        self._config = config
        self._resolved = resolved
        self._watches = role != "controller"
        self._repeater: Repeater | None = None
        self._watching: WatchingHooks | None = None
        self._markers: dict[pytest.Item, MarkerSettings] = {}
        self._suite_s: float | None = None
        self._stepped_aside = False
        self._report: RunReport | None = None
        self._agenda = Agenda(config, self.guard)
        self._protection: Protection | None = None
        self._cleaner: CleanupManager | None = None
        self._reception: Reception | None = None
        if self._watches and resolved.settings.monitoring_enabled:
            guard = self.guard
            self._cleaner = open_cleanup(
                resolved.settings,
                components=guard.components,
                reader=guard.reader,
                clock=guard.clock,
                start_s=guard.start_s,
                worker=guard.worker,
                warnings_are_captured=config.pluginmanager.hasplugin("warnings"),
                origin=resolved.origins.get("strategies", "memory.strategies"),
            )
            self._protection = Protection(
                config, guard, resolved, call=self._call, cleaner=self._cleaner, components=guard.components
            )
            config.add_cleanup(self._protection.close)
        accepted = None if role == "worker" else options.accepted_leaks(config, resolved)
        self._selection = Selection(config, self.guard, accepted)
        config.pluginmanager.register(self._selection)
        self._outputs = Outputs(resolved, rootdir=str(config.rootpath), environ=os.environ, writes=role != "worker")
        self._announcement = Announcement()
        config.pluginmanager.register(self._announcement)
        self._earlier = _earlier_runs(config, resolved, self.guard)

    @property
    def limit(self) -> Usage | None:
        """The memory limit of this process, where pressure is followed."""
        return None if self._protection is None else self._protection.limit

    @property
    def is_repeating(self) -> bool:
        """Whether tests are run once more now, to find leaks."""
        return self._repeater is not None

    # -- pass 1

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the markers of every test, so that a wrong one ends the run before it starts."""
        if not self._watches:
            return
        try:
            self._markers = options.markers_of(items, self._resolved)
            if any("memguard" in getattr(item, "fixturenames", ()) for item in items):
                # Before anything is frozen, replaced or exhausted: it makes components in the middle of a test.
                import pytest_memguard.fixture  # noqa: F401, PLC0415
            with options.usage_errors():
                register_components(self._config.hook, self.guard, self._resolved, self._markers)
                if self._cleaner is not None:
                    register_strategies(self._config.hook, self.guard, self._cleaner)
                if self._protection is not None and items and not self._config.option.collectonly:
                    self._protection.check_limit(self._resolved.origins["limit_bytes"])
        except pytest.UsageError as exc:
            if not tell_controller(self._config, exc):
                raise
            items.clear()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the suite, watched, and then check it."""
        start = self.guard.clock()
        if self._watches:
            self._guarded("watching", self.guard.start)
            self._start_protection(session)
            self._start_watching()
            self.guard.recorder.stage("running")
        try:
            result = yield
            self._finish_pass_1(start)
            stopped = session.shouldfail or session.shouldstop or self._stepped_aside or self.guard.is_deserted
            if self._watches and not stopped:
                self._check(session)
            self._selection.finished = not stopped and not self._stepped_aside
        finally:
            self._finish_pass_1(start)
            self.guard.recorder.stage("reporting")
            if session.shouldfail or session.shouldstop:
                self.guard.verdicts.why_unchecked = self.guard.chronicle.why_stopped
            if self.guard.role != "worker":
                self._guarded("reporting", self._conclude)
        return result

    def _finish_pass_1(self, start: float) -> None:
        if self._suite_s is None:
            self._suite_s = self.guard.clock() - start
            if self._watching is not None:
                self._config.pluginmanager.unregister(self._watching)
            self._guarded("judging the session", self.guard.finish_watching)
            if self._protection is not None:
                self._guarded("following pressure", self._protection.finish)
            for statistics in self._cleaner.statistics() if self._cleaner is not None else ():
                self.guard.chronicle.add_statistics(statistics)

    def _start_watching(self) -> None:
        watcher = self.guard.watcher
        if watcher is None:
            return
        hooks = self._config.hook
        self._watching = WatchingHooks(
            self.guard,
            watcher,
            markers=self._markers,
            protection=self._protection,
            on_sample=self._teller(hooks.pytest_memguard_sample, "sample"),
            on_usage=self._teller(hooks.pytest_memguard_component_report, "usage"),
            on_fault=partial(self._step_aside, "watching"),
        )
        self._config.pluginmanager.register(self._watching)

    def _teller(self, hook: Any, name: str) -> Callable[[object], object] | None:
        """Calls that hook, where anybody listens."""
        return (lambda value: self._call(hook, **{name: value})) if hook.get_hookimpls() else None

    @property
    def _ran(self) -> Sequence[pytest.Item]:
        return () if self._watching is None else self._watching.items

    def _start_protection(self, session: pytest.Session) -> None:
        if self._protection is None:
            self.guard.chronicle.sources["live"] = "unavailable: memory.monitoring.enabled is false"
            return
        self._guarded("following pressure", self._protection.start)
        self._reception = open_reception(session, self.guard, self._protection)
        if self._reception is not None:
            self._protection.visitor = self._reception.between
        if any(marker.heavy for marker in self._markers.values()):
            from pytest_memguard.heavy import HeavyTests  # noqa: PLC0415 - in few suites

            self._config.pluginmanager.register(HeavyTests(self._protection.core, self._markers))
        self.guard.gap()

    # -- pass 2

    def _check(self, session: pytest.Session) -> None:
        """Repeat what is to be repeated; an interrupt ends it at once, with what is known."""
        try:
            if not can_repeat(self._config):
                self.guard.verdicts.why_unchecked = "nothing is repeated with --setup-only, --setup-plan or --trace"
                return
            modules = self._agenda.modules(self._ran, self._markers)
            if modules:
                self.guard.recorder.stage("checking")
                self._repeat(session, modules)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._step_aside("checking", error)
        finally:
            self._repeater = None

    def _repeat(self, session: pytest.Session, modules: Sequence[Sequence[Subject]]) -> None:
        # Loaded here, for nothing without pass 2; all of it before a repetition, because pytest's import hook remembers
        # each module, and what the first repetition then frees would hide as much that its test retains.
        from pytest_memguard.engine import Engine  # noqa: PLC0415
        from pytest_memguard.repeat import Repeater  # noqa: PLC0415

        repeater = self._repeater = Repeater(session)
        total = sum(map(len, modules))
        progress = Progress(self._config, total=total, clock=self.guard.clock, shown=repeater.shown)
        with contextlib.ExitStack() as stack:
            stack.callback(progress.end)
            vigil = None if self._protection is None else stack.enter_context(self._protection.repeating())
            hooks = RepetitionHooks(repeater, self.guard, vigil)
            self._config.pluginmanager.register(hooks)
            stack.callback(self._config.pluginmanager.unregister, hooks)
            stack.enter_context(repeater)
            self.guard.check(
                Engine,
                modules,
                repeater,
                processes=getattr(self._config, "workerinput", {}).get("workercount", 1),
                pressure=vigil,
                budget_s=self._resolved.settings.budget.seconds_for(self._suite_s or 0.0),
                progress=progress.show if self._reception is None else self._reception.followed(progress.show, total),
                on_suspect=self._suspected,
            )

    def _suspected(self, suspect: Suspect) -> None:
        hook = self._config.hook.pytest_memguard_suspect
        if self._repeater is not None and hook.get_hookimpls():
            with self._repeater.shown():
                self._call(hook, suspect=suspect)

    # -- results

    def _conclude(self) -> None:
        """Settle the findings, remember what is overdue, and add a failing entry for each that gates."""
        guard = self.guard
        findings = guard.conclude(self._plugin_modules(), self._suppressed_by, self._selection.accept)
        for finding in findings:
            self._call(self._config.hook.pytest_memguard_leak, finding=finding)
        self._agenda.remember()
        if self._earlier is not None:
            self._guarded("comparing with earlier runs", self._earlier.compare)
        worst = _worst_event(guard)
        if worst is not None:
            guard.chronicle.failures.append(worst)
        failing = failing_entries(guard.report(0))
        position = {guard.ledger.nodeid(index): index for index in range(len(guard.ledger))} if failing else {}
        stepwise = bool(self._config.getoption("stepwise", False))
        locations = {item.nodeid: item.location for item in self._ran} if failing else {}
        tbstyle = self._config.getoption("tbstyle", "auto")
        for entry in entries.in_order(failing, position=position, stepwise=stepwise):
            entries.log(self._config, entries.failing_reports(entry, locations=locations, tbstyle=tbstyle))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Make the report and write the files."""
        if self.guard.role == "worker":
            return
        if self.guard.chronicle.stopped:
            # With workers xdist calls every stop an interruption; it is a failure of the tests like any other.
            exitstatus = session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._guarded("writing the report", lambda: self._write(int(exitstatus)))

    def _write(self, exitstatus: int) -> None:
        report = self._report = self.guard.report(exitstatus)
        if self._earlier is not None:
            self._guarded("writing the history", partial(self._earlier.remember, report))
            report = self._report = self.guard.updated(report)
        self._call(self._config.hook.pytest_memguard_report, report=report)
        if not self._config.getoption("collectonly", False):
            for write in self._outputs.writers:
                self._guarded("writing the report", partial(write, report))
            self._announcement.lines = list(self._outputs.annotations(report))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the section."""
        if self.guard.role == "worker":
            return
        if self._config.getoption("collectonly", False):
            told = told_unwritten(self._resolved)
            if told is not None:
                terminalreporter.write_line(told)
            return
        try:
            self._print(terminalreporter)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            terminalreporter.write_line(f"memguard: the summary failed: {type(error).__name__}: {error}", red=True)

    def _print(self, terminalreporter: Any) -> None:
        writer = terminalreporter._tw  # noqa: SLF001 - the terminal reporter has no public writer
        report = self.guard.report(0) if self._report is None else self.guard.updated(self._report)
        if not (report.session.tests or report.warnings or report.errors):
            return  # a usage error, an error in collection, nothing selected: pytest says it
        lines = section(
            report,
            width=writer.fullwidth,
            verbosity=self._config.get_verbosity(),
            color=writer.hasmarkup,
        )
        for line in lines:
            terminalreporter.write_line(line.text, **dict.fromkeys(line.markup, True))

    def _suppressed_by(self, finding: Finding) -> str | None:
        reason = self._call(self._config.hook.pytest_memguard_suppress, finding=finding)
        return reason if isinstance(reason, str) and reason else None

    def _plugin_modules(self) -> set[str]:
        """Top-level modules of the installed plugins, without the one under test."""
        names = set()
        for plugin, _ in self._config.pluginmanager.list_plugin_distinfo():
            name = getattr(plugin, "__name__", None) or type(plugin).__module__
            names.add(name.partition(".")[0])
        return names

    def _guarded(self, where: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self.guard.fault(where, error)

    def _step_aside(self, where: str, error: Exception) -> None:
        self._stepped_aside = True
        self.guard.verdicts.why_unchecked = "memguard stepped aside"
        self.guard.fault(where, error)
        self.guard.recorder.close()  # from here on it would name the wrong test
        if self._protection is not None:
            self._guarded("stepping aside", self._protection.close)

    def _call(self, hook: Callable[..., Any], **arguments: object) -> Any:
        """Call hooks of others: what they raise is told once and changes nothing."""
        try:
            return hook(**arguments)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            self.guard.fault(f"hook {getattr(hook, 'name', '')}", error)
            return None


def _earlier_runs(config: pytest.Config, resolved: Resolved, guard: Guard) -> EarlierRuns | None:
    if resolved.settings.history is None:
        return None
    from pytest_memguard.earlier import open_earlier_runs  # noqa: PLC0415 - nothing of it without a history

    return open_earlier_runs(config, resolved, guard)


def _worst_event(guard: Guard) -> PressureFailure | None:
    """The failure of a run whose ``fail_on`` has ``pressure``, for its worst event; ``None`` where none was bad."""
    found = [event for event in guard.chronicle.pressure if event.level != "normal"]
    if not found or "pressure" not in guard.settings.fail_on or not len(guard.ledger):
        return None
    worst = max(found, key=lambda event: (rank(event.level), event.share))
    return PressureFailure(
        nodeid=worst.nodeid or guard.ledger.nodeid(0),
        reason=f"memory pressure was {worst.level}: {worst.share:.1%} of {format_bytes(worst.limit_bytes)} in use "
        f"({worst.limit_source})",
        stopped=False,
        worker=worst.worker,
    )
