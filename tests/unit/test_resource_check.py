"""Who is suspected of leaking resources, and what becomes of errors in finding out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_memguard.model import Verdict
from pytest_memguard.resource_check import ResourceCheck
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.signals import Signals
from pytest_memguard.subjects import Subject

LEAK = Verdict(name="leak")


class NoLoops(Loops):
    def may_exist(self):
        return False


class OneLoop(Loops):
    def may_exist(self):
        return True

    def open(self):
        return [object()]


class Lab:
    """Counts that tests move, and what the examiner was asked."""

    def __init__(self, loops=None, verdict=LEAK):
        self.fds, self.children = 0, 0
        self.asked, self.faults = [], []
        self.verdict = verdict
        signals = Signals([lambda: self.fds], [lambda: self.children])
        confirmer = SimpleNamespace(expose=lambda: None, freeze=lambda: None)
        self.check = ResourceCheck(
            signals, loops or NoLoops(), confirmer, self.make, on_fault=lambda *fault: self.faults.append(fault)
        )

    def make(self):
        return SimpleNamespace(examine=self.examine, findings=["finding"])

    def examine(self, subject, repeat, cycle):
        self.asked.append(subject.index)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def run(self, *steps):
        """One repetition a step, which opens so many descriptors."""
        subjects = [Subject(index=i, nodeid=str(i), item=None, parent=None, module=None) for i in range(len(steps))]
        self.check.begin()
        for subject, opened in zip(subjects, steps, strict=True):
            self.check.note(subject)
            self.fds += opened
        return subjects


@pytest.mark.parametrize(
    ("steps", "suspected"),
    [((0, 0, 0), []), ((0, 2, 0), [1]), ((1, 0, 1), [0, 2]), ((1, -1, 0), []), ((-1, 1, 1), [1, 2])],
)
def test_suspected_is_what_left_more_where_all_of_them_did(steps, suspected):
    lab = Lab()
    subjects = lab.run(*steps)
    assert [subject.index for subject in lab.check.suspects(subjects, [])] == suspected
    assert not any(subject.leaves for subject in subjects)


def test_children_are_counted_for_all_of_them_at_once():
    lab = Lab()
    subjects = lab.run(0, 0)
    lab.children = 1
    assert lab.check.suspects(subjects, []) == subjects


def test_what_retains_blocks_is_asked_for_tasks_where_a_loop_is_open():
    for loops, suspected in ((NoLoops(), []), (OneLoop(), [1])):
        lab = Lab(loops)
        subjects = lab.run(0, 0)
        assert [subject.index for subject in lab.check.suspects(subjects, [subjects[1]])] == suspected


def test_nothing_is_loaded_before_somebody_is_asked_for():
    lab = Lab()
    (subject,) = lab.run(1)
    assert lab.check.findings == ()
    assert lab.check.check(subject, lambda: True) == LEAK
    assert (lab.asked, lab.check.findings) == ([0], ("finding",))


def test_an_error_is_told_once_and_nobody_is_suspected_again():
    lab = Lab(verdict=RuntimeError("theirs"))
    (subject,) = lab.run(1)
    assert lab.check.check(subject, lambda: True) is None
    assert [(where, str(error)) for where, error in lab.faults] == [("looking for resources", "theirs")]
    subjects = lab.run(1)
    assert lab.check.suspects(subjects, subjects) == []
