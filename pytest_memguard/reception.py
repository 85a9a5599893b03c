"""Answers those who ask a live run from outside: how things stand at once, commands when the running test has ended."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pytest_memguard.guard import Guard
from pytest_memguard.live.desk import Answer, Desk, RefusedError
from pytest_memguard.live.door import Door, DoorError, TakenError
from pytest_memguard.live.folder import Folder, FolderError, folders_of
from pytest_memguard.live.ring import Ring, RingError
from pytest_memguard.live.runs import Entry, announce, sweep, withdraw
from pytest_memguard.live.wire import Request
from pytest_memguard.overview import Overview, told_shortly
from pytest_memguard.protection import Protection

__all__ = ["Reception", "open_reception"]

_CHECKING = "the tests have all run and are repeated to find leaks, which {} would falsify"


class Reception:
    """One per process that runs tests. Released by ``close``.

    ``total``: the tests that this process will run, where that is known.
    """

    def __init__(
        self, guard: Guard, protection: Protection, *, folder: Folder, door: Door, entry: Entry, total: int | None
    ) -> None:
        self._guard = guard
        self._protection = protection
        self._folder = folder
        self._door = door
        self._ring: Ring | None = None
        self._pid, self._getpid = entry.pid, os.getpid
        self._checking = False
        self._collect = gc.collect
        self._heap, self._rss = guard.reader("heap"), guard.reader("rss")
        self._overview = Overview(guard, protection, total=total, waiting=lambda: self._desk.waiting)
        # The one in C: signal.pthread_sigmask makes enums of what it finds, which takes longer than to answer.
        self._mask: Callable[[int, object], object] = importlib.import_module("_signal").pthread_sigmask
        self._all_signals = frozenset(map(int, signal.valid_signals()))
        self._desk = Desk(
            door,
            do=self._do,
            said={"pid": entry.pid, "worker": entry.worker},
            now=self._overview.running,
            clock=guard.clock,
        )

    # -- in a session

    def listen(self) -> None:
        """From now on the kernel rings; where it cannot, somebody looks between tests. Raises ``OSError``."""
        try:
            self._ring = Ring(self.visit)
        except RingError:
            return
        self._door.ring(self._ring.number, self._ring.thread)

    def visit(self) -> None:
        """The kernel has rung, somewhere in the main thread."""
        if self._protection.at_work or self._checking:
            self._desk.rung = True
            self._protection.come_soon()
            return
        # A handler that raises (an alarm, Ctrl-C) means the test, and must not meet an ``except`` here.
        before = self._mask(signal.SIG_BLOCK, ())
        try:
            self._mask(signal.SIG_BLOCK, self._all_signals)  # runs handlers that are due, and they may raise
            self._carefully(self._desk.visit)
            if self._desk.waiting:
                self._protection.come_soon()
        finally:
            self._mask(signal.SIG_SETMASK, before)

    def between(self) -> float:
        """A test has ended, and the next one begins here; gives when to come again, by the clock of the guard."""
        if self._desk.is_due():
            self._carefully(self._between)
        return self._desk.next_s

    def followed(self, show: Callable[[int], None], to_check: int) -> Callable[[int], None]:
        """Tests are repeated from now on: what tells people how many are done, and lets others ask meanwhile."""
        self._checking = True
        self._overview.checked, self._overview.to_check = 0, to_check
        self._desk.end(_CHECKING.format("that"))

        def checked(done: int) -> None:
            show(done)
            self._overview.checked = done
            if self._desk.is_due():
                self._carefully(self._desk.between)

        return checked

    def close(self) -> None:
        """The run is over; may be called again, and never raises."""
        self._carefully(self._close)

    def _close(self) -> None:
        self._desk.end("the run is over")
        self._door.close()
        if self._ring is not None:
            self._ring.close()
        if self._getpid() == self._pid:  # and not in a child that goes on by itself
            withdraw(self._folder, self._pid)

    def _between(self) -> None:
        if self._ring is not None:
            self._ring.be_found()
        if self._desk.between():
            self._guard.gap()

    def _carefully(self, action: Callable[[], object]) -> None:
        """What goes wrong here is told once, and ends nothing but this."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._guard.fault("answering from outside", error)

    # -- what is asked

    def _do(self, request: Request) -> Answer:
        if request.ask == "memory":
            self._protection.look()
            return {"standing": self._overview.now(details=request.details)}
        if request.ask == "protection":
            return self._switch(request.protects)
        if request.ask == "reset":
            before = self._overview.now()
            self._protection.core.reset()
            self._overview.since_s = self._guard.clock() - self._guard.start_s
            return {"before": before, "standing": self._overview.now()}
        if self._checking:
            raise RefusedError(_CHECKING.format("a cleanup" if request.ask == "cleanup" else "a collection"))
        if request.ask == "cleanup":
            return self._clean(request)
        return self._collect_garbage(request.cycles)

    def _switch(self, protects: bool | None) -> Answer:
        core = self._protection.core
        before = core.protects
        if protects is not None and protects is not before:
            core.protects = protects
            told = f"somebody has turned the shutdown protection {'on' if protects else 'off'} while the tests ran"
            if told not in self._guard.warnings:
                self._guard.warnings.append(told)
        return {"before": before, "standing": self._overview.now()}

    def _clean(self, request: Request) -> Answer:
        result = self._protection.core.clean(request.level, trigger="request", nodeid=self._protection.nodeid)
        if result is None:
            raise RefusedError("nothing can be cleaned up in this run")
        return {"cleanup": told_shortly(result, freed=True).to_json(), "standing": self._overview.now()}

    def _collect_garbage(self, cycles: int) -> Answer:
        before, rss = _read(self._heap), _read(self._rss)
        found = []
        for _ in range(cycles):
            start = self._guard.clock()
            freed = self._collect()
            found.append({"objects": freed, "duration_s": round(self._guard.clock() - start, 6)})
        return {
            "cycles": found,
            "uncollectable": len(gc.garbage),
            "freed_bytes": _less(before, _read(self._heap)),
            "freed_rss_bytes": _less(rss, _read(self._rss)),
            "standing": self._overview.now(),
        }


def open_reception(session: Any, guard: Guard, protection: Protection) -> Reception | None:
    """Where this session of pytest can be asked, in the first folder that can be used; ``None`` where in none.

    Where that is, or why it is nowhere, is in ``guard.chronicle.sources``. Never raises; closed at the very end.
    """
    try:
        reception = _open(session, guard, protection)
    except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
        guard.fault("answering from outside", error)
        return None
    if reception is not None:
        session.config.add_cleanup(reception.close)
    return reception


def _open(session: Any, guard: Guard, protection: Protection) -> Reception | None:
    if sys.platform != "linux":
        guard.chronicle.sources["live"] = f"unavailable: {sys.platform} does not say who asks"
        return None
    workerinput = getattr(session.config, "workerinput", None)
    pid = os.getpid()
    entry = Entry(
        pid=pid,
        run=str(pid if workerinput is None else workerinput["testrunuid"]),
        controller=pid if workerinput is None else os.getppid(),
        worker=guard.worker,
        directory=str(session.config.invocation_params.dir),
        started=guard.started,
        version=guard.version,
    )
    total = len(session.items) if workerinput is None else None
    reasons = []
    # Not tempfile.gettempdir(), which is decided for good by whoever asks first.
    for folder in folders_of(os.environ, uid=os.geteuid(), temp=os.environ.get("TMPDIR") or "/tmp"):  # noqa: S108
        try:
            return _opened(guard, protection, folder, entry, total)
        except (OSError, FolderError, DoorError) as reason:
            reasons.append(str(reason))
            if isinstance(reason, TakenError):
                break
    guard.chronicle.sources["live"] = f"unavailable: {'; '.join(reasons)}"
    return None


def _opened(guard: Guard, protection: Protection, folder: Folder, entry: Entry, total: int | None) -> Reception:
    try:
        door = _door(folder)
    except (FolderError, DoorError):  # perhaps the last one who used it has just taken it away
        door = _door(folder)
    try:
        announce(folder, entry)
        reception = Reception(guard, protection, folder=folder, door=door, entry=entry, total=total)
        reception.listen()
    except BaseException:
        door.close()
        raise
    guard.chronicle.sources["live"] = f"a socket in {folder.path}"
    return reception


def _door(folder: Folder) -> Door:
    folder.make()
    sweep(folder)
    return Door(folder)


def _read(reader: Callable[[], int | None] | None) -> int | None:
    return None if reader is None else reader()


def _less(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else before - after
