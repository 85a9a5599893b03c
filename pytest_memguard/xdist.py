"""pytest-xdist: what crosses between a worker and the controller, and how.

Rows of finished tests, and what happened around them, ride on test reports, so that they survive a worker that dies;
what pass 2 finds travels as one message when the worker is done, and on a channel of its own as it is proved.
"""

from __future__ import annotations

import _thread
import json
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from pytest_memguard.guard import Guard, Role
from pytest_memguard.known import Unread
from pytest_memguard.model import Finding
from pytest_memguard.outcome import outcome_after

_KEY = "memguard"
_AROUND = "memguard_around"
_USAGE_ERROR = "memguard_usage_error"
_PROVED = "memguard_proved"


def role_of(config: pytest.Config) -> Role:
    """What this process is: a worker, the controller of workers, or the only one."""
    if hasattr(config, "workerinput"):
        return "worker"
    distributes = config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))
    return "controller" if distributes else "main"


def worker_of(config: pytest.Config) -> str:
    """This process's name in the report."""
    workerinput: Any = getattr(config, "workerinput", None)
    return str(workerinput["workerid"]) if workerinput else "main"


def tell_controller(config: pytest.Config, error: pytest.UsageError) -> bool:
    """In a worker: send *error* to the controller, which ends the run with it; false where there is no controller.

    A worker that raised it would be taken for one that crashed. Failed collection reports are what xdist sends on.
    """
    if role_of(config) != "worker":
        return False
    text = "\n".join(str(part) for part in error.args)
    report = pytest.CollectReport(nodeid="", outcome="failed", longrepr=text, result=[])
    setattr(report, _USAGE_ERROR, list(map(str, error.args)))
    config.hook.pytest_collectreport(report=report)
    return True


class WorkerEnd:
    """In a worker: attach rows to reports, and the rest to the message at the end."""

    def __init__(self, config: pytest.Config, guard: Guard) -> None:
        self._guard = guard
        self._sent = 0
        self._told: set[tuple[object, ...]] = set()
        guard.on_proved = self._tell
        self._channel: Any = getattr(config, "workerinput", {}).get(_PROVED)
        if self._channel is not None:
            self._channel.setcallback(self._over, endmarker=None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let the rows of the tests that have ended since ride along."""
        if report.when == "teardown" and len(self._guard.ledger) > self._sent:
            setattr(report, _KEY, self._pending())
            around = self._guard.chronicle.unsent()
            if around:
                setattr(report, _AROUND, around)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what is left; xdist sends it after this hook."""
        output: Any = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_KEY] = {"rows": self._pending(), **self._guard.to_wire()}

    def _tell(self, findings: Sequence[Finding]) -> None:
        """Let the controller know of leaks as they are proved, for the case that this process dies."""
        new = [finding for finding in findings if _identity(finding) not in self._told]
        self._told.update(map(_identity, new))
        if new and self._channel is not None:
            told = {"findings": [finding.to_json() for finding in new], "checking_s": self._guard.checking_since_s}
            self._channel.send(json.dumps(told))  # execnet knows no lone surrogates

    def _over(self, _end: object) -> None:
        """The controller has closed the connection, in a thread of execnet: it was stopped, and listens no more.

        execnet waits for five seconds before it interrupts whoever still works for nobody, and people wait with it.
        """
        self._guard.is_deserted = True
        if self._guard.is_checking:
            _interrupt_main_thread()

    def _pending(self) -> list[list[Any]]:
        rows = [self._guard.row(index) for index in range(self._sent, len(self._guard.ledger))]
        self._sent = len(self._guard.ledger)
        return rows


class ControllerEnd:
    """In the controller: take what the workers send."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._unread: dict[str, dict[str, Unread]] = {}
        self._dead: set[str] = set()
        self._proved: dict[str, list[Any]] = {}
        self._checking_s: dict[str, float] = {}  # until the last leak that was proved

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows off a worker's report, before any other plugin sees it."""
        rows = report.__dict__.pop(_KEY, None)
        self._guard.chronicle.absorb(report.__dict__.pop(_AROUND, {}))
        worker = _sender(report)
        if worker is None:
            return
        # The row of a test comes with a later one: until then it is known by its reports alone.
        unread = self._unread.setdefault(worker, {})
        outcome, duration_s = unread.get(report.nodeid, ("passed", 0.0))
        for row in rows or ():
            self._guard.absorb_row(worker, row)
            unread.pop(row[0], None)
        unread[report.nodeid] = (outcome_after(outcome, report), duration_s + report.duration)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Open the way of what is proved: xdist has none that other plugins do not see."""
        channel = node.gateway.newchannel()
        worker = str(node.gateway.id)
        proved = self._proved.setdefault(worker, [])

        def heard(text: str) -> None:  # in a thread of execnet
            told = json.loads(text)
            proved.extend(told["findings"])
            self._checking_s[worker] = told["checking_s"]

        channel.setcallback(heard)
        node.workerinput[_PROVED] = channel

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """End the run with the usage error that a worker has met."""
        messages = report.__dict__.pop(_USAGE_ERROR, None)
        if messages:
            raise pytest.UsageError(*messages)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended, well or not."""
        worker = str(node.gateway.id)
        wire = (getattr(node, "workeroutput", None) or {}).get(_KEY)
        if wire is None:
            self._keep_proved(worker, ended="died")
            self._dead.add(worker)  # the report of the test that killed it is still to come
            return
        for row in wire["rows"]:
            self._guard.absorb_row(worker, row)
        self._guard.absorb(worker, wire)
        self._proved.pop(worker, None)
        self._unread.pop(worker, None)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """What workers have proved is known also where the run is stopped, before findings are judged."""
        try:
            return (yield)
        finally:
            for worker in sorted(self._proved.keys() - self._dead):
                self._keep_proved(worker, ended="was stopped")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Tell the tests of workers that died, or that were stopped with the run."""
        for worker in sorted({*self._dead, *self._unread}):
            leaking = {witness for finding in self._proved.get(worker, ()) for witness in finding["witnesses"]}
            self._guard.lost(worker, self._unread.get(worker, {}), died=worker in self._dead, leaking=leaking)
        result = yield
        if self._guard.chronicle.stopped:
            # xdist calls it an interruption, and a plugin that adds its own status to that one makes a third of them.
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def _keep_proved(self, worker: str, *, ended: str) -> None:
        checking_s = self._checking_s.get(worker, 0.0)
        self._guard.keep_proved(worker, self._proved.get(worker, ()), ended=ended, checking_s=checking_s)


def _interrupt_main_thread() -> None:
    """As Ctrl-C does; by a signal to that thread where there is one, which ends its waiting, too."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _identity(finding: Finding) -> tuple[object, ...]:
    sites = finding.diagnosis.sites[:1]
    place = (sites[0].file, sites[0].line) if sites else None
    return finding.nodeid, finding.kind, finding.phase, finding.fixture, finding.diagnosis.signature, place


def _sender(report: pytest.TestReport) -> str | None:
    """The worker that a report is from, or that xdist has made it for: the one of a test that killed its worker."""
    worker: str | None = getattr(report, "worker_id", None)
    node: Any = getattr(report, "node", None)
    return str(node.gateway.id) if worker is None and node is not None else worker


def register_ends(config: pytest.Config, guard: Guard) -> None:
    """Connect worker and controller, where there are any."""
    if guard.role == "worker":
        config.pluginmanager.register(WorkerEnd(config, guard))
    elif guard.role == "controller":
        config.pluginmanager.register(ControllerEnd(guard))
