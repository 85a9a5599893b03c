"""One test through its rounds: they become a verdict, and a first one that frees something says nothing."""

from __future__ import annotations

from types import SimpleNamespace

from pytest_memguard.confirm import Confirmation
from pytest_memguard.judge import NoiseMeter
from pytest_memguard.model import Verdict
from pytest_memguard.subjects import Subject
from pytest_memguard.trial import Trial

LEAK = Verdict(name="leak")


class Rounds:
    """A confirmer that has its results written down."""

    policy = SimpleNamespace(rounds=6)

    def __init__(self, *results):
        self.results = list(results)
        self.baselines = 0

    def warm_up(self, _repeat):
        pass

    def baseline(self):
        self.baselines += 1

    def rounds(self, _repeat, _wanted):
        return self.results.pop(0)

    def once_more(self, shown, _repeat):
        return shown

    def calmed(self, shown, _repeat):
        return shown


class Prover:
    """Takes every suspect for a leak."""

    def mark(self):
        pass

    def recognise(self, _subject, _shown):
        return None

    def prove(self, _subject, _repeat, _shown, _cycle):
        return LEAK


def shown(*deltas):
    state = "growing" if min(deltas) > 0 else "clean"
    series = SimpleNamespace(metric="blocks", deltas=deltas)
    return Confirmation(
        state=state,
        repetitions=len(deltas),
        bytes_per_run=0,
        metrics=("blocks",) if deltas[0] > 0 else (),
        rounds=(series,),
    )


def verdict(confirmer):
    trial = Trial(
        confirmer,
        Prover(),
        noise=NoiseMeter(),
        grace=SimpleNamespace(is_needed=lambda: False),
        why=lambda _subject: "",
        refusal=lambda: None,
    )
    subject = Subject(index=0, nodeid="test_a.py::test", item=None, parent=None, module=None)
    return trial.of(subject, lambda: True)


def test_behind_what_the_first_round_frees_a_leak_is_found():
    confirmer = Rounds(shown(-192), shown(24, 24), shown(24, 24, 24, 24, 24, 24))

    assert verdict(confirmer) == LEAK
    assert confirmer.baselines == 2


def test_a_test_that_frees_something_is_asked_once_more_and_no_more():
    confirmer = Rounds(shown(-3), shown(-3))

    assert verdict(confirmer).name == "clean"
    assert confirmer.results == []


def test_one_that_stays_is_not_asked_again():
    confirmer = Rounds(shown(0))

    assert verdict(confirmer).name == "clean"
    assert confirmer.baselines == 1
