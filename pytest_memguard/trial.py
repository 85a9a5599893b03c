"""One test, or the fixtures above it, alone through its rounds, to a verdict."""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import Metric, NoiseMeter
from pytest_memguard.model import Verdict
from pytest_memguard.subjects import CLEAN, Cycle, Judge, Subject

__all__ = ["NOISY", "Trial"]

_WITNESS_ROUNDS = 2

NOISY = Verdict(name="inconclusive", reason="noisy: memory moves both ways in every round")


class Trial:
    """``why(subject)``: why its last repetition could not be done. ``refusal()``: why none can be done now, if so.

    ``disturbed``: anything but scans came before, so that the next repetition is a warm-up. ``explained``: bytes by
    metric that the tests have added to a stretch since it was last emptied.
    """

    def __init__(
        self,
        confirmer: Confirmer,
        prover: Judge,
        *,
        noise: NoiseMeter,
        grace: Grace,
        why: Callable[[Subject], str],
        refusal: Callable[[], str | None],
    ) -> None:
        self.disturbed = True
        self.explained: dict[Metric, int] = {}
        self._confirmer = confirmer
        self._prover = prover
        self._noise = noise
        self._grace = grace
        self._why = why
        self._refusal = refusal

    def calm_down(self, repeat: Callable[[], bool]) -> None:
        """After anything but scans: the first repetition frees what that left, and hides a leak of the same size."""
        if self.disturbed:
            self.disturbed = False
            self._confirmer.warm_up(repeat)

    def of(self, subject: Subject, repeat: Callable[[], bool], cycle: Cycle | None = None) -> Verdict:
        """Its rounds, and the proof of what grew in all of them; ``cycle``: it is about these fixtures."""
        confirmer = self._confirmer
        wanted = confirmer.policy.rounds
        if self._grace.is_needed():
            self._grace.wait()
        self.calm_down(repeat)
        long = subject.takes_long and cycle is None
        if long:  # then a cache that fills is asked for as soon as something grows
            self._prover.watch_caches()
        self._prover.mark()
        confirmer.baseline()
        # Nothing of ours may stay alive from one reading to the next: it would count as growth.
        first = 1 if long else min(_WITNESS_ROUNDS, wanted)
        shown = confirmer.rounds(repeat, first)
        if _gave_back(shown):
            del shown
            confirmer.baseline()
            shown = confirmer.rounds(repeat, first)
        if long and shown.state == "growing":
            del shown
            cached = self._prover.prove_cache(repeat, first)
            if cached is not None:
                self.disturbed = True
                return cached
            shown = confirmer.rounds(repeat, min(_WITNESS_ROUNDS, wanted))
        known = self._recognised(subject, shown, cycle)
        if known is None and shown.state == "growing":
            del shown, known
            shown = confirmer.once_more(confirmer.rounds(repeat, wanted), repeat)
            known = None
        self._explain(shown)
        return known or self._judged(subject, repeat, shown, cycle)

    def _recognised(self, subject: Subject, shown: Confirmation, cycle: Cycle | None) -> Verdict | None:
        return self._prover.recognise(subject, shown) if shown.state == "growing" and cycle is None else None

    def _judged(
        self, subject: Subject, repeat: Callable[[], bool], shown: Confirmation, cycle: Cycle | None
    ) -> Verdict:
        """What the rounds of a test mean, and the proof of what grew in all of them."""
        if shown.state == "growing":
            self.disturbed = True
            verdict = self._prover.prove(subject, repeat, shown, cycle)
            refusal = self._refusal()
            if verdict.name == "inconclusive" and refusal is not None:
                return Verdict(name="inconclusive", reason=f"it grew in every round; {refusal}")
            return verdict
        shown = self._confirmer.calmed(shown, repeat)
        if shown.state == "failed":
            return Verdict(name="inconclusive", reason=self._why(subject))
        for series in shown.rounds:
            for delta in series.deltas:
                self._noise.note(series.metric, grew=delta > 0)  # type: ignore[arg-type]
        return NOISY if shown.state == "noisy" else CLEAN

    def _explain(self, shown: Confirmation) -> None:
        """What this test has added to the heap when it was screened: what it adds now.

        What it stores in the place of another test's is gained in the first round only.
        """
        for series in shown.rounds:
            metric: Metric = series.metric  # type: ignore[assignment]
            gained = shown.per_run(metric) if shown.state == "growing" else series.deltas[0]
            self.explained[metric] = self.explained.get(metric, 0) + gained


def _gave_back(shown: Confirmation) -> bool:
    """Whether the first round freed what something else had left: behind that any leak may hide."""
    return shown.repetitions == 1 and any(each.metric == "blocks" and each.deltas[0] < 0 for each in shown.rounds)
