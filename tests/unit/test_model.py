"""What crosses a boundary comes back as it was, in exact builtins only."""

from __future__ import annotations

import dataclasses
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard import model
from pytest_memguard.model import (
    VERDICTS,
    AllocationSite,
    Checkpoint,
    Diagnosis,
    Finding,
    Kind,
    MemoryRecord,
    Phase,
    Retainer,
    RoundSeries,
    SessionGrowth,
    Severity,
    Suspect,
    TypeGrowth,
    VerdictName,
)

BUILTINS = (dict, list, str, int, float, bool, type(None))

# What UTF-8 can hold: the wire and the files take nothing else.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
COUNT = st.integers(-(2**63), 2**63 - 1)
SHARE = st.floats(0, 1)
FEW = 3


def tuples(strategy):
    return st.lists(strategy, max_size=FEW).map(tuple)


TYPES = st.builds(TypeGrowth, type=TEXT, count=COUNT, bytes=COUNT)
SITES = st.builds(AllocationSite, file=TEXT, line=COUNT, function=TEXT, bytes=COUNT, count=COUNT, source=TEXT)
RETAINERS = st.builds(
    Retainer, path=TEXT, root=TEXT, type=TEXT, steps=tuples(TEXT), suspect=st.none() | st.integers(0, 9)
)
ROUNDS = st.builds(RoundSeries, metric=TEXT, deltas=tuples(COUNT))
DIAGNOSES = st.builds(
    Diagnosis,
    types=tuples(TYPES),
    sites=tuples(SITES),
    retainers=tuples(RETAINERS),
    component=st.none() | TEXT,
    signature=TEXT,
    notes=tuples(TEXT),
)
FINDINGS = st.builds(
    Finding,
    nodeid=TEXT,
    witnesses=tuples(TEXT),
    kind=st.sampled_from(get_args(Kind)),
    verdict=st.sampled_from(VERDICTS),
    gates=st.booleans(),
    reason=st.none() | TEXT,
    severity=st.sampled_from(get_args(Severity)),
    phase=st.sampled_from(get_args(Phase)),
    fixture=st.none() | TEXT,
    bytes_per_run=COUNT,
    blocks_per_run=COUNT,
    count_per_run=COUNT,
    rounds=tuples(ROUNDS),
    confidence=SHARE,
    diagnosis=DIAGNOSES,
    suppressed_by=st.none() | TEXT,
    advice=st.none() | TEXT,
    resources=tuples(TEXT),
)


def strangers(value):
    """Everything inside *value* that is not exactly a builtin: execnet refuses enums, tuples of names, subclasses."""
    if type(value) not in BUILTINS:
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from strangers(key)
            yield from strangers(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strangers(entry)


@given(FINDINGS)
def test_a_finding_comes_back_as_it_was(finding):
    data = finding.to_json()

    assert list(strangers(data)) == []
    assert Finding.from_json(data) == finding
    assert Finding.from_json(json.loads(json.dumps(data))) == finding


@given(FINDINGS)
def test_every_field_of_a_finding_crosses(finding):
    data = finding.to_json()
    names = {field.name for field in dataclasses.fields(Finding)} - {"diagnosis"}
    names |= {field.name for field in dataclasses.fields(Diagnosis)}

    assert set(data) == names


@pytest.mark.parametrize("missing", ["nodeid", "rounds", "types", "retainers", "advice"])
def test_a_finding_of_another_shape_is_refused(missing):
    data = {**ANY.to_json(), missing: None}

    if missing in ("rounds", "types", "retainers"):
        with pytest.raises(TypeError):
            Finding.from_json(data)
    del data[missing]
    with pytest.raises(KeyError):
        Finding.from_json(data)


def test_a_record_and_the_growth_are_builtins():
    record = MemoryRecord(
        nodeid="a::b",
        worker="gw0",
        outcome="passed",
        duration_s=0.5,
        rss_before_bytes=None,
        rss_after_bytes=1,
        peak_rss_bytes=2,
        retained_bytes=-3,
        retained_blocks=None,
    )
    growth = SessionGrowth(suspected=True, gc_efficiency=0.1)

    for value in (record, growth):
        data = value.to_json()
        assert list(strangers(data)) == []
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        assert data == {name: held for name, held in fields.items() if name != "checkpoints"}

    with_points = dataclasses.replace(record, checkpoints=(Checkpoint(name="loaded", rss_bytes=5),)).to_json()
    assert list(strangers(with_points)) == []
    assert with_points["checkpoints"] == [
        {"name": "loaded", "rss_bytes": 5, "peak_rss_bytes": None, "heap_bytes": None}
    ]


def test_the_list_of_verdicts_is_the_type():
    assert get_args(VerdictName) == VERDICTS


@pytest.mark.parametrize("name", [name for name, value in vars(model).items() if dataclasses.is_dataclass(value)])
def test_values_are_frozen_slotted_and_made_by_keyword(name):
    cls = getattr(model, name)

    with pytest.raises(dataclasses.FrozenInstanceError):
        object.__new__(cls).anything = 1
    assert "__slots__" in vars(cls)
    assert all(field.kw_only for field in dataclasses.fields(cls))


def test_a_suspect_holds_what_grew():
    suspect = Suspect(nodeid="a::b", metrics=("blocks",), rounds=(RoundSeries(metric="blocks", deltas=(1, 1)),))

    assert suspect == Suspect(nodeid="a::b", metrics=("blocks",), rounds=suspect.rounds)
    assert hash(suspect) == hash(dataclasses.replace(suspect))


ANY = Finding(
    nodeid="a::b",
    witnesses=(),
    kind="python",
    verdict="leak",
    gates=True,
    reason=None,
    severity="high",
    phase="call",
    fixture=None,
    bytes_per_run=1,
    blocks_per_run=1,
    count_per_run=1,
    rounds=(),
    confidence=0.5,
)
