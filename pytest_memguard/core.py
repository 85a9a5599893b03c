"""The core manager: readings become events, events become cleanups, and what they do not help ends in good order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pytest_memguard.events import CleanupResult, CleanupTrigger, ComponentUsage, PressureEvent, PressureLevel
from pytest_memguard.pressure import Observation, PressureMonitor, Thresholds, assess, rank
from pytest_memguard.probes.limits import CONFIGURED, Usage
from pytest_memguard.settings import CleanupLevel, Settings
from pytest_memguard.units import format_bytes

__all__ = [
    "LINE",
    "MOST_ATTEMPTS",
    "REACTION_S",
    "RESERVE",
    "Cleaner",
    "Components",
    "CoreManager",
    "described",
    "pressing",
]

#: The share of a limit from which on the session is protected: what is left is needed to end in good order.
LINE = 0.98
#: Bytes that failures, reports and what they import need at the end. Where the kernel enforces a limit so small that
#: what ``LINE`` leaves is less, the session is protected from here on, if pressure is critical at all.
RESERVE = 16 << 20
#: Emergency attempts within one ``alerts.emergencyCooldown``; a level of normal again starts the count anew.
MOST_ATTEMPTS = 3
# Tests that must have grown one after the other before the next one is expected to grow as the least of them.
_STEADY = 3
#: Seconds until a test that runs can be interrupted: what it takes meanwhile is gone.
REACTION_S = 0.02
_STEPS: Mapping[PressureLevel, tuple[CleanupLevel, ...]] = {
    "normal": (),
    "warning": ("gentle",),
    "critical": ("moderate", "aggressive"),
    "emergency": ("emergency",),
}


class Cleaner(Protocol):
    """What is asked of the cleanup manager."""

    def clean(
        self, level: CleanupLevel, *, trigger: CleanupTrigger, nodeid: str | None = None, during_test: bool = False
    ) -> CleanupResult:
        """Run *level* and what is below it; a refusal is a result, too. Never raises what strategies raise."""


class Components(Protocol):
    """What is asked of the component registry."""

    def measure(self, nodeid: str | None) -> Sequence[ComponentUsage]:
        """What every component holds now."""

    def shut_down_nonessential(self) -> list[str]:
        """Shut down what is running and may be; gives the names of those that went down."""

    def restart_all(self) -> list[str]:
        """Start again what was shut down; gives the names of those that are back."""


class CoreManager:
    """One per process that runs tests. Everything it does goes through what it is given, so that it can be seen whole.

    ``observe(fresh)`` takes a reading, ``fresh`` at any cost. ``collect`` runs the garbage collector. ``on_event`` and
    ``on_cleanup`` get what has happened, in the main thread. ``culprit(nodeid)`` says who holds the memory.

    ``boundary`` is called between two tests, ``inside`` while one runs. ``stop_reason`` is set when the session must
    end; ``protects`` can be turned off for the rest of the run (``cleanup.emergencyShutdown`` is what it begins with).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        monitor: PressureMonitor,
        observe: Callable[[bool], Observation],
        cleaner: Cleaner | None,
        components: Components | None,
        collect: Callable[[], object],
        on_event: Callable[[PressureEvent], None],
        on_cleanup: Callable[[CleanupResult], None],
        culprit: Callable[[str | None], str],
    ) -> None:
        self.monitor = monitor
        self.protects = settings.emergency_shutdown
        self.stop_reason: str | None = None
        self.down: list[str] = []  # components that were shut down and are not back yet
        self._automatic = settings.cleanup_enabled and settings.auto_cleanup
        self._cooldown_s = settings.emergency_cooldown_s
        self._observe = observe
        self._cleaner = cleaner
        self._components = components
        self._collect = collect
        self._on_event = on_event
        self._on_cleanup = on_cleanup
        self._culprit = culprit
        self._attempts: deque[float] = deque(maxlen=MOST_ATTEMPTS)
        self._pending: list[PressureEvent] = []  # of the running test
        self._trend = _Trend()
        self._interruptions = self._cleanups = 0
        self._interrupted = False  # the running test
        self._steps = 0  # whatever was done
        self._may_be_down = False  # an emergency cleanup shuts components down, too

    # -- what happens to a session

    @property
    def calm(self) -> bool:
        """Whether nothing is pending: a boundary at which nothing can have changed may be left out."""
        return self.monitor.level == "normal" and not (self._pending or self._interrupted or self._may_be_down)

    def boundary(self, nodeid: str | None) -> bool:
        """A test has ended; gives whether anything was done about the pressure."""
        changed = bool(self._pending)  # while the test ran, when nothing could be cleaned
        while self._pending:
            self._on_event(self._pending.pop(0))
        if self._interrupted:
            self._interrupted = False
            self._collect()  # its frames are in its traceback, and the other way round
        observation = self._observe(self.monitor.level != "normal")
        self._trend.add(observation)
        changed |= self._take(observation, nodeid) is not None
        if not changed and self.monitor.level == "normal" and not self._may_be_down:
            return False
        steps = self._steps
        acute = self._past_the_line(observation, self._trend.next_step)
        if acute is not None:
            self._protect(acute, nodeid)
        elif changed and self._automatic:
            self._relieve(nodeid)
        self._recover()
        return self._steps > steps

    def inside(self, observation: Observation, nodeid: str | None, *, rate: float = 0.0) -> bool:
        """A reading while a test runs, which grows by *rate* bytes a second; gives whether it must be interrupted.

        Nothing is cleaned here: what a test uses must not vanish under its hands. Events are told when it has ended.
        """
        event = self.monitor.observe(observation, nodeid)
        if event is not None:
            self._pending.append(event)
        return self.protects and self._past_the_line(observation, rate * REACTION_S) is not None

    def interruption(self, nodeid: str | None, *, rate: float = 0.0) -> str | None:
        """The last thing that is tried before the running test is interrupted; gives the reason, if it must be.

        To be called in the main thread, between two steps of the test.
        """
        if self._automatic:
            self._clean("emergency", "pressure", nodeid, during_test=True)
        acute = self._past_the_line(self._observe(True), rate * REACTION_S)
        if acute is None:
            return None
        self._interruptions += 1
        self._interrupted = True
        return described(acute)

    def between(self, worst: Observation | None, nodeid: str | None, *, before: Callable[[], object]) -> bool:
        """Tests are being repeated, and none is measured now; gives whether anything was done about the pressure.

        *worst*: of the readings since the last time, if it was not normal. *before* is called before anything is
        cleaned. Nothing ends here: repeating does, by ``pressing``.
        """
        steps = self._steps
        changed = worst is not None and self._take(worst, nodeid) is not None
        changed |= self._take(self._observe(True), nodeid) is not None
        if changed and self._automatic and self.monitor.level != "normal":
            before()
            self._relieve(nodeid)
        self._recover()
        return self._steps > steps

    def clean(self, level: CleanupLevel, *, trigger: CleanupTrigger, nodeid: str | None) -> CleanupResult | None:
        """A cleanup that a schedule, a marker, a person or the heuristics ask for; ``None`` where there is nobody."""
        result = self._clean(level, trigger, nodeid)
        self._recover()
        return result

    def on_leak(self, nodeid: str | None) -> CleanupResult | None:
        """The session grows as leaks do: everything that can be let go of is."""
        return self._clean("aggressive", "leak", nodeid) if self._automatic else None

    @property
    def refusal_of_heavy(self) -> str | None:
        """Why a heavy test must not run now; ``None``: it may."""
        if rank(self.monitor.level) < rank("critical") or not self.monitor.history:
            return None
        _, judged = self.monitor.history[-1]
        return f"memory pressure is {self.monitor.level}: {described(judged.usage)}"

    # -- for those who look from outside

    def statistics(self) -> dict[str, Any]:
        """How things stand, as builtins: sizes in bytes, shares as fractions, ``None`` for what is not known."""
        usage = self.monitor.history[-1][1].usage if self.monitor.history else None
        return {
            "level": self.monitor.level,
            "usage_bytes": usage.used if usage else None,
            "limit_bytes": usage.limit if usage else None,
            "limit_source": usage.source if usage else None,
            "share": round(usage.share, 4) if usage else None,
            "samples": len(self.monitor.history),
            "events": self.monitor.events,
            "cleanups": self._cleanups,
            "attempts": len(self._attempts),
            "interruptions": self._interruptions,
            "protects": self.protects,
            "down": list(self.down),
            "stop_reason": self.stop_reason,
        }

    def reset(self) -> None:
        """Begin anew: readings, alerts and attempts are forgotten."""
        self.monitor.reset()
        self._attempts.clear()
        self._trend = _Trend()
        self._interruptions = self._cleanups = 0

    # -- the steps

    def _take(self, observation: Observation, nodeid: str | None) -> PressureEvent | None:
        event = self.monitor.observe(observation, nodeid)
        if event is not None:
            self._on_event(event)
        return event

    def _relieve(self, nodeid: str | None) -> None:
        """Clean up as the level asks, and further as long as it did not help."""
        before = self.monitor.level
        for step in _STEPS[before]:
            self._clean(step, "pressure", nodeid)
            self._take(self._observe(True), nodeid)
            if rank(self.monitor.level) < rank(before):
                return

    def _protect(self, acute: Usage, nodeid: str | None) -> None:
        """Everything at once; where that does not help, or has been tried too often, the session ends."""
        now = self._observe(False).at_s
        while self._attempts and now - self._attempts[0] > self._cooldown_s:
            self._attempts.popleft()
        if len(self._attempts) < MOST_ATTEMPTS:
            self._attempts.append(now)
            if self._automatic:
                self._shut_down()
                result = self._clean("emergency", "pressure", nodeid)
                if result is None or result.refused is not None:
                    self._collect()
            observation = self._observe(True)
            self._take(observation, nodeid)
            still = self._past_the_line(observation, self._trend.next_step)
            if still is None:
                return
            acute = still
            tried = "an emergency cleanup did not help" if self._automatic else "automatic cleanups are off"
        else:
            tried = f"{MOST_ATTEMPTS} emergency cleanups did not help for long"
        if self.protects and self.stop_reason is None:
            self.stop_reason = f"{described(acute)}, and {tried}; {self._culprit(nodeid)}"

    def _recover(self) -> None:
        """Normal again: what was shut down comes back, and attempts no longer count."""
        if self.monitor.level != "normal":
            return
        self._attempts.clear()
        if (self.down or self._may_be_down) and self._components is not None:
            self._may_be_down = False
            self._steps += 1
            back = set(self._components.restart_all())
            self.down = [name for name in self.down if name not in back]

    def _shut_down(self) -> None:
        if self._components is not None:
            self._steps += 1
            self.down += [name for name in self._components.shut_down_nonessential() if name not in self.down]

    def _clean(
        self, level: CleanupLevel, trigger: CleanupTrigger, nodeid: str | None, *, during_test: bool = False
    ) -> CleanupResult | None:
        if self._cleaner is None:
            return None
        self._steps += 1
        result = self._cleaner.clean(level, trigger=trigger, nodeid=nodeid, during_test=during_test)
        self._cleanups += result.refused is None
        self._may_be_down |= level == "emergency"
        self._on_cleanup(result)
        return result

    def _past_the_line(self, observation: Observation, expected: float) -> Usage | None:
        """The limit that most is used of, if that is past ``LINE``, or will be past the limit itself after *expected*.

        What is expected, and what has to be left, counts under critical pressure only, and where the kernel enforces
        the limit.
        """
        critical = rank(self.monitor.level) >= rank("critical")
        pressing = [
            usage
            for usage in observation.usages
            if usage.ours and (usage.share >= LINE or (critical and usage.headroom <= _needed(usage, expected)))
        ]
        return max(pressing, key=lambda usage: usage.share, default=None)


class _Trend:
    """What the next test will add, as far as the last ones agree: they would fill the rest before anybody looks."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._steps: deque[int] = deque(maxlen=_STEADY)

    def add(self, observation: Observation) -> None:
        """A test has ended with this reading."""
        if observation.rss is None:
            return
        if self._last is not None:
            self._steps.append(observation.rss - self._last)
        self._last = observation.rss

    @property
    def next_step(self) -> int:
        """Bytes; 0 unless every one of the last tests has grown."""
        return max(0, min(self._steps)) if len(self._steps) == _STEADY else 0


def _needed(usage: Usage, expected: float) -> float:
    """What must be left of a limit beyond which somebody is killed or gets no more; a configured one only counts."""
    return -1 if usage.source == CONFIGURED else max(expected, RESERVE)


def pressing(
    observation: Observation, thresholds: Thresholds, *, inside: bool = False, expected: float = 0.0
) -> Usage | None:
    """The limit that no repetition may use more of, by this reading alone: in an emergency, or near the end of it.

    *inside* a repetition only the latter counts: what it takes for a moment it took in its own run, too. *expected*:
    bytes that will be taken before the next reading.
    """
    judged = assess(observation, thresholds)
    if judged is not None and judged.level == "emergency" and not inside:
        return judged.usage
    critical = judged is not None and rank(judged.level) >= rank("critical")
    near = [usage for usage in observation.usages if usage.ours and _is_near(usage, expected, critical=critical)]
    return max(near, key=lambda usage: usage.share, default=None)


def _is_near(usage: Usage, expected: float, *, critical: bool) -> bool:
    needed = _needed(usage, expected)
    return usage.share >= LINE or usage.headroom <= (needed if critical else min(needed, expected))


def described(usage: Usage) -> str:
    """How much of that limit is used, for people."""
    return f"{usage.share:.1%} of {format_bytes(usage.limit)} in use ({usage.source})"
