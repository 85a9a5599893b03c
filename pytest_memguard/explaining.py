"""Has a confirmed leak diagnosed, and says where in the life of its test it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.diagnosis import Evidence, Gauge, Paths, Scenario, Share, Watched, diagnose, shares
from pytest_memguard.judge import Metric
from pytest_memguard.model import Diagnosis, Origin
from pytest_memguard.proofs import Placed
from pytest_memguard.subjects import Subject

_DIAGNOSIS_S = 2.0
_SEARCH_S = 1.0
_TCACHE = 8
_LARGE = 1 << 16
#: What is read of memory that is no block of Python's, and what its growth means.
_MEANINGS: dict[Metric, str] = {
    "heap": "the C allocator counts it as in use: it is retained, and no fragmentation",
    "mapped": "it is whole pages, mapped past the C allocator and not given back",
    "rss": "only resident memory can be read here, in which fragmentation looks like retention",
}


class NotRepeatableError(Exception):
    """A repetition failed in the middle of a diagnosis."""


class Explainer:
    """``fixture_of``: the name of an item's fixture that a function makes. ``watched`` tells phases apart."""

    def __init__(
        self,
        confirmer: Confirmer,
        *,
        paths: Paths,
        watched: Watched | None,
        fixture_of: Callable[[Any, str], str | None],
        on_fault: Callable[[str, Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self._confirmer = confirmer
        self._paths = paths
        self._watched = watched
        self._fixture_of = fixture_of
        self._on_fault = on_fault
        self._clock = clock

    def examine(
        self, repeat: Callable[[], bool], *, native: bool, confirmed: Confirmation | None = None, rounds: int = 3
    ) -> Evidence:
        """The diagnosis; an error in it costs the explanation, not the finding.

        Raises ``NotRepeatableError`` where a repetition fails.
        """
        settle = self._confirmer.settler.light
        try:
            return diagnose(
                Scenario(repeat=_strict(repeat), settle=settle, watched=self._watched),
                rounds=rounds,
                paths=self._paths,
                native=native,
                heap=None if confirmed is None else self._heap(confirmed),
                budget_s=_DIAGNOSIS_S,
                clock=self._clock,
            )
        except NotRepeatableError:
            raise
        except Exception as error:  # noqa: BLE001 - the objects looked at are anybody's
            self._on_fault("diagnosis", error)
            return Evidence(diagnosis=Diagnosis(notes=(f"not diagnosed: {type(error).__name__}: {error}",)))

    def shares(self, repeat: Callable[[], bool], functions: Mapping[str, str], *, least: int) -> list[Share]:
        """What each of these fixtures (with their functions) retains, of several that leak together.

        *least*: repetitions that have been made.
        """
        try:
            return shares(
                Scenario(repeat=_strict(repeat), settle=self._confirmer.settler.light, watched=self._watched),
                functions,
                rounds=self._confirmer.policy.rounds,
                least=least,
                paths=self._paths,
                search_s=_SEARCH_S,
                clock=self._clock,
            )
        except NotRepeatableError:
            return []
        except Exception as error:  # noqa: BLE001 - the objects looked at are anybody's
            self._on_fault("diagnosis", error)
            return []

    def placed(self, subject: Subject, repeat: Callable[[], bool]) -> Placed | None:
        """What a witness retains, and where in its life; None where no path leads to it, or it fails."""
        try:
            evidence = self.examine(repeat, native=False)
        except NotRepeatableError:
            return None
        diagnosis = evidence.diagnosis
        return Placed(diagnosis, self.origin(subject, evidence)) if diagnosis.retainers else None

    def origin(self, subject: Subject, evidence: Evidence) -> Origin:
        """Where in the test's life it grows; where nothing has told, by the function of the first site."""
        origin, sites = evidence.origin, evidence.diagnosis.sites
        if origin is None:
            fixture = self._fixture_of(subject.item, sites[0].function) if sites else None
            return Origin(phase="call" if fixture is None else "setup", fixture=fixture)
        if evidence.named or origin.fixture is None:
            return origin
        return replace(origin, fixture=self._fixture_of(subject.item, origin.fixture))

    def _heap(self, confirmed: Confirmation) -> Gauge | None:
        """What shows the growth of memory that is no block of Python's."""
        metric = next((metric for metric in _MEANINGS if confirmed.per_run(metric) > 0), None)
        if metric is None:
            return None
        read = partial(self._confirmer.meter.now, metric)
        per_run, meaning = confirmed.per_run(metric), _MEANINGS[metric]
        warm_up = _TCACHE if per_run < _LARGE else 0  # what is large does not come from glibc's caches
        return Gauge(read=read, per_run=per_run, in_bytes=True, warm_up=warm_up, meaning=meaning)


def _strict(repeat: Callable[[], bool]) -> Callable[[], None]:
    def repeat_or_give_up() -> None:
        if not repeat():
            raise NotRepeatableError

    return repeat_or_give_up
