"""One session with memguard on: what pytest tells about the run goes to the guard, what it finds comes back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import pytest

from pytest_memguard import __version__, entries, options
from pytest_memguard.check import Subject
from pytest_memguard.guard import Guard
from pytest_memguard.model import Finding, LimitExceeded, RunReport, Suspect
from pytest_memguard.progress import Progress
from pytest_memguard.repeat import Repeater
from pytest_memguard.report import check_target, jsonfile, write_report
from pytest_memguard.report.terminal import section
from pytest_memguard.schedule import order, overdue_after
from pytest_memguard.settings import MarkerSettings, Resolved
from pytest_memguard.xdist import ControllerEnd, WorkerEnd, role_of, tell_controller, worker_of

_OVERDUE = "memguard/overdue"
_LEAST_PATIENCE_S = 30.0
_PATIENCE = 20.0
# Fixtures that record each run of a test in a table of their own: repeating would add to what they print.
_RECORDING_FIXTURES = frozenset({"benchmark"})


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
        self._outcome = "passed"
        self._items: list[pytest.Item] = []
        self._markers: dict[pytest.Item, MarkerSettings] = {}
        self._suite_s = 0.0
        self._stepped_aside = False
        self._sample_hook: Callable[..., Any] | None = None
        self._report: RunReport | None = None
        if resolved.settings.json is not None and role != "worker":
            with options.usage_errors():
                check_target(resolved.settings.json, setting="--memguard-json", origin=resolved.origins.get("json", ""))

    # -- pass 1

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the markers of every test, so that a wrong one ends the run before it starts."""
        if not self._watches:
            return
        try:
            self._markers = options.markers_of(items, self._resolved)
        except pytest.UsageError as exc:
            if not tell_controller(self._config, exc):
                raise
            items.clear()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the suite, watched, and then check it."""
        start = self.guard.clock()
        if self._watches:
            hook = self._config.hook.pytest_memguard_sample
            self._sample_hook = hook if hook.get_hookimpls() else None
            self._guarded("watching", self.guard.start)
        try:
            result = yield
        finally:
            self._suite_s = self.guard.clock() - start
            self._guarded("judging the session", self.guard.finish_watching)
        if self._watches and not (session.shouldfail or session.shouldstop) and not self._stepped_aside:
            self._check(session)
        if self.guard.role != "worker":
            self._guarded("reporting", self._conclude)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """One test of pass 1, boundary to boundary."""
        if self._repeater is not None or not self._watches:
            return (yield)
        self._outcome = "passed"
        start = self.guard.clock()
        try:
            return (yield)
        finally:
            if not self._stepped_aside:
                self._ended(item, self.guard.clock() - start)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Follow the outcome of the present test."""
        outcome: str = report.outcome
        if outcome == "passed" and not hasattr(report, "wasxfail"):
            return
        if outcome == "rerun":  # of pytest-rerunfailures: what comes next counts
            self._outcome = "passed"
        elif outcome == "failed":
            self._outcome = "failed" if report.when == "call" else "error"
        elif self._outcome == "passed":
            self._outcome = "xfailed" if hasattr(report, "wasxfail") else "skipped"

    def _ended(self, item: pytest.Item, duration_s: float) -> None:
        try:
            index = self.guard.end(item.nodeid, self._outcome, duration_s)
            self._items.append(item)
            if self._markers or self._sample_hook is not None:
                self._after(item, index)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._step_aside("watching", error)

    def _after(self, item: pytest.Item, index: int) -> None:
        marker = self._markers.get(item)
        if marker is not None and marker.limit is not None:
            self.guard.check_limit(index, marker.limit, marker.origins.get("limit", "@pytest.mark.memguard"))
        if self._sample_hook is not None:
            self._call(self._sample_hook, sample=self.guard.record(index))
            self.guard.gap()

    # -- pass 2

    def _check(self, session: pytest.Session) -> None:
        """Repeat what is to be repeated; an interrupt ends it at once, with what is known."""
        settings = self._resolved.settings
        mode = settings.confirm
        option = self._config.option
        if (
            getattr(option, "collectonly", False)
            or getattr(option, "setuponly", False)
            or getattr(option, "trace", False)
        ):
            return
        marked = [i for i, item in enumerate(self._items) if item in self._markers and self._markers[item].is_marked]
        suspects = [] if mode == "none" else self.guard.suspects()
        wanted = self._wanted(mode, marked, suspects)
        subjects = [s for s in map(self._subject, sorted(wanted)) if s is not None]
        if not subjects:
            return
        overdue = self._overdue()
        modules = order(
            subjects,
            marked=frozenset(marked),
            suspects=suspects,
            overdue={nodeid: age for age, nodeid in enumerate(overdue)},
        )
        progress = Progress(self._config, total=len(subjects), clock=self.guard.clock)
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(progress.end)
                repeater = self._repeater = Repeater(session)
                hooks = RepetitionHooks(repeater)
                self._config.pluginmanager.register(hooks)
                stack.callback(self._config.pluginmanager.unregister, hooks)
                stack.enter_context(repeater)
                self.guard.check(
                    modules,
                    repeater,
                    budget_s=settings.budget.seconds_for(self._suite_s),
                    progress=progress.show,
                    on_suspect=self._suspected,
                )
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._step_aside("checking", error)
        finally:
            self._repeater = None

    def _wanted(self, mode: str, marked: Sequence[int], suspects: Sequence[int]) -> Iterable[int]:
        """Indices of the tests that are to be repeated."""
        if mode == "all":
            return range(len(self._items))
        if mode == "suspects":
            return {*marked, *suspects}
        if mode == "marked":
            return marked
        return [index for index in marked if self._markers[self._items[index]].confirm]

    def _subject(self, index: int) -> Subject | None:
        item = self._items[index]
        row = self.guard.ledger.read(index)
        if self.guard.ledger.outcome(index) != "passed":
            return None
        marker = self._markers.get(item)
        if marker is not None and (not marker.is_checked or marker.confirm is False):
            keyword = "leak" if not marker.is_checked else "confirm"
            self.guard.leave_out(index, marker.reason_for(keyword) or "its marker says confirm=False")
            return None
        if not _RECORDING_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            self.guard.leave_out(index, "it uses a fixture that records each run")
            return None
        return Subject(
            index=index,
            nodeid=item.nodeid,
            item=item,
            parent=item.parent,
            module=item.getparent(pytest.Module) or item.parent,
            patience_s=max(_LEAST_PATIENCE_S, _PATIENCE * row.duration_s),
            runs=self._resolved.settings.runs if marker is None or marker.runs is None else marker.runs,
            tolerance_bytes=0 if marker is None else marker.accepted_bytes,
            tolerance_reason=None if marker is None else marker.reason_for("leak"),
        )

    def _suspected(self, suspect: Suspect) -> None:
        self._call(self._config.hook.pytest_memguard_suspect, suspect=suspect)

    # -- results

    def _conclude(self) -> None:
        """Settle the findings, remember what is overdue, and add a failing entry for each that gates."""
        guard = self.guard
        findings = guard.conclude(self._plugin_modules(), self._suppressed_by)
        for finding in findings:
            self._call(self._config.hook.pytest_memguard_leak, finding=finding)
        self._remember_overdue()
        failing: list[Finding | LimitExceeded] = [finding for finding in findings if finding.gates]
        failing.extend(limit for limit in guard.limits if limit.gates)
        position = {guard.ledger.nodeid(index): index for index in range(len(guard.ledger))} if failing else {}
        stepwise = bool(self._config.getoption("stepwise", False))
        locations = {item.nodeid: item.location for item in self._items} if failing else {}
        tbstyle = self._config.getoption("tbstyle", "auto")
        for entry in entries.in_order(failing, position=position, stepwise=stepwise):
            entries.log(self._config, entries.failing_reports(entry, locations=locations, tbstyle=tbstyle))

    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
        """Our own failing entries."""
        return entries.teststatus(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Make the report and write the files."""
        if self.guard.role != "worker":
            self._guarded("writing the report", lambda: self._write(int(exitstatus)))

    def _write(self, exitstatus: int) -> None:
        report = self._report = self.guard.report(exitstatus)
        self._call(self._config.hook.pytest_memguard_report, report=report)
        target = self._resolved.settings.json
        if target is not None and not self._config.getoption("collectonly", False):
            origin = self._resolved.origins.get("json", "")
            write_report(target, jsonfile.render(report), setting="--memguard-json", origin=origin)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the section."""
        if self.guard.role == "worker" or self._config.getoption("collectonly", False):
            return
        try:
            self._print(terminalreporter)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            terminalreporter.write_line(f"memguard: the summary failed: {type(error).__name__}: {error}", red=True)

    def _print(self, terminalreporter: Any) -> None:
        writer = terminalreporter._tw  # noqa: SLF001 - the terminal reporter has no public writer
        report = self.guard.report(0) if self._report is None else self.guard.updated(self._report)
        lines = section(
            report,
            width=writer.fullwidth,
            verbosity=self._config.get_verbosity(),
            color=writer.hasmarkup,
        )
        for line in lines:
            terminalreporter.write_line(line.text, **dict.fromkeys(line.markup, True))

    # -- helpers

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

    def _overdue(self) -> list[str]:
        cache = getattr(self._config, "cache", None)
        stored = cache.get(_OVERDUE, []) if cache is not None else []
        return [nodeid for nodeid in stored if isinstance(nodeid, str)] if isinstance(stored, list) else []

    def _remember_overdue(self) -> None:
        cache = getattr(self._config, "cache", None)
        if cache is None or self._resolved.settings.confirm == "none":
            return
        before = self._overdue()
        late = self.guard.unchecked()
        if not before and not late:
            return
        ledger = self.guard.ledger
        missing = frozenset(late)
        ran = {ledger.nodeid(index) for index in range(len(ledger))}
        cache.set(_OVERDUE, overdue_after(before, unchecked=late, checked=ran - missing))

    def _guarded(self, where: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self.guard.fault(where, error)

    def _step_aside(self, where: str, error: Exception) -> None:
        self._stepped_aside = True
        self.guard.fault(where, error)

    def _call(self, hook: Callable[..., Any], **arguments: object) -> Any:
        """Call hooks of others: what they raise is told once and changes nothing."""
        try:
            return hook(**arguments)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            self.guard.fault(f"hook {getattr(hook, 'name', '')}", error)
            return None


class RepetitionHooks:
    """Hooks that are needed only while tests are repeated."""

    def __init__(self, repeater: Repeater) -> None:
        self._repeater = repeater

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Take the place of pytest's own runner."""
        return self._repeater.protocol(item, nextitem) if self._repeater.active else None

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        """Count the fixtures above function scope that are set up."""
        if fixturedef.scope != "function":
            self._repeater.fixture_setups += 1
        return (yield)


def register_ends(config: pytest.Config, guard: Guard) -> None:
    """Connect worker and controller, where there are any."""
    if guard.role == "worker":
        config.pluginmanager.register(WorkerEnd(guard))
    elif guard.role == "controller":
        config.pluginmanager.register(ControllerEnd(guard))
