"""Witnesses are placed where they show a leak: the same phase, fixture and line are one proof, others another."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pytest_memguard.diagnosis import Cause, Paths
from pytest_memguard.model import AllocationSite, Diagnosis, Origin
from pytest_memguard.proofs import Placed, Proofs
from pytest_memguard.subjects import Subject
from tests.unit.reported import LEAK

CALL = Origin(phase="call")
SETUP = Origin(phase="setup", fixture="room")
TEARDOWN = Origin(phase="teardown", fixture="room")


def subject(nodeid, duration_s=1.0):
    return Subject(index=0, nodeid=nodeid, item=None, parent=None, module=None, duration_s=duration_s)


def cause_of(length):
    """What is recognised, as far as proofs care."""
    return Cause(
        signature="",
        diagnosis=Diagnosis(),
        types_per_run={},
        types_replaced={},
        blocks_per_run=1,
        holder_per_run=1,
        whereabouts=SimpleNamespace(length=length),
    )


class Bench:
    """Proofs of slow tests, in which no line is traced, that grow a holder in the phases that ``grown`` says."""

    def __init__(self, tmp_path):
        self.grown = {}
        self.repeated = []
        self.diagnosed = []
        self.failing = set()
        self.diagnosis = None
        self.cause = cause_of(int)
        self.proofs = Proofs(self.watched, self.diagnose, Paths(str(tmp_path)))
        self.proofs.add(LEAK, self.cause)

    @contextmanager
    def watched(self, _read):
        seen = {}
        yield seen
        seen.update(self.grown.get(self.repeated[-1], {}))

    def diagnose(self, test, repeat):
        self.diagnosed.append(test.nodeid)
        assert repeat()
        return self.diagnosis

    def repeat(self, test):
        self.repeated.append(test.nodeid)
        return test.nodeid not in self.failing

    def witness(self, nodeid, *origins, by=1):
        self.grown[nodeid] = dict.fromkeys(origins, by)
        self.proofs.witness(self.cause, subject(nodeid))

    def place(self, spent=lambda: False):
        return self.proofs.place(self.repeat, spent)

    @property
    def found(self):
        """Phase, fixture and witnesses of each proof."""
        return [(p.finding.phase, p.finding.fixture, p.witnesses) for p in self.proofs.all]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_one_that_shows_it_in_the_same_place_stays_with_the_first(bench):
    bench.witness("b", CALL)
    assert bench.place()
    assert bench.found == [("call", None, [LEAK.nodeid, "b"])]
    assert bench.diagnosed == []


def test_others_get_a_proof_for_each_place(bench):
    bench.diagnosis = Placed(replace(LEAK.diagnosis, component="shop.rooms"), CALL)
    bench.witness("b", SETUP)
    bench.witness("c", TEARDOWN)
    bench.witness("d", SETUP)
    bench.place()
    assert bench.found == [
        ("call", None, [LEAK.nodeid]),
        ("setup", "room", ["b", "d"]),
        ("teardown", "room", ["c"]),
    ]
    assert bench.diagnosed == ["b", "c"]
    assert [proof.finding.nodeid for proof in bench.proofs.all] == [LEAK.nodeid, "b", "c"]
    assert bench.proofs.all[1].finding.diagnosis.component == "shop.rooms"


def test_where_things_come_and_go_the_diagnosis_says_where_one_stays(bench):
    bench.diagnosis = Placed(LEAK.diagnosis, TEARDOWN)
    bench.witness("b", SETUP, CALL)
    bench.place()
    assert bench.found == [("call", None, [LEAK.nodeid]), ("teardown", "room", ["b"])]


def test_of_a_thousand_that_agree_a_few_are_placed(bench):
    for number in range(1000):
        bench.witness(f"b{number}", CALL)
    bench.place()
    assert len(bench.repeated) == 8
    assert len(bench.found[0][2]) == 1001


def test_of_many_that_need_a_diagnosis_fewer_are(bench):
    bench.diagnosis = Placed(LEAK.diagnosis, CALL)
    for number in range(100):
        bench.witness(f"b{number}", SETUP, CALL)
    bench.place()
    assert bench.diagnosed == ["b0", "b1", "b2"]


@pytest.mark.parametrize("why", ["it fails", "it does not grow", "time is up"])
def test_what_cannot_be_told_stays_where_it_was_recognised(bench, why):
    bench.witness("b", *([SETUP] if why != "it does not grow" else []))
    if why == "it fails":
        bench.failing.add("b")
    bench.place(spent=lambda: why == "time is up")
    assert bench.found == [("call", None, [LEAK.nodeid, "b"])]


def test_nobody_is_repeated_twice(bench):
    assert not bench.place()
    bench.witness("b", CALL)
    bench.place()
    assert not bench.place()
    assert bench.repeated == ["b"]


def test_an_earlier_entry_of_the_same_test_is_left(bench):
    """The test that was proved may show a second leak elsewhere, which has the same cause."""
    bench.witness(LEAK.nodeid, SETUP)
    bench.place()
    assert bench.found == [("call", None, [LEAK.nodeid]), ("setup", "room", [LEAK.nodeid])]


def test_another_line_that_adds_to_the_holder_is_another_proof(bench, tmp_path):
    source = tmp_path / "shop.py"
    source.write_text("KEPT = []\ndef one():\n    KEPT.append(1)\ndef other():\n    KEPT.append(2)\n", encoding="utf-8")
    shop = {}
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), shop)  # noqa: S102
    line = AllocationSite(file="shop.py", line=3, function="one", bytes=0, count=0)
    proofs = Proofs(grows_in_call, lambda *_: None, Paths(str(tmp_path)))
    cause = cause_of(shop["KEPT"].__len__)
    proofs.add(replace(LEAK, diagnosis=Diagnosis(signature="1", retained_at=(line,))), cause)
    for nodeid, function in (("b", shop["one"]), ("c", shop["other"])):
        proofs.witness(cause, subject(nodeid, duration_s=0.0))
        proofs.place(lambda _, function=function: function() is None, lambda: False)
    assert [proof.witnesses for proof in proofs.all] == [[LEAK.nodeid, "b"], ["c"]]


@contextmanager
def grows_in_call(read):
    seen, before = {}, read()
    yield seen
    seen[CALL] = read() - before
