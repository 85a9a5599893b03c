from __future__ import annotations

import pytest
from svc import faults


def fail():
    context = {"rows": list(range(300))}
    raise ValueError(f"{len(context['rows'])} rows")


def deep(depth):
    if depth == 0:
        fail()
    deep(depth - 1)


def test_guarded_call_returns_none():
    assert faults.guarded(fail) is None


def test_summary_is_noted():
    assert faults.summarised(lambda: int(f"x{'1' * 40}")) is None


def test_last_fault_is_kept_without_traceback():
    assert faults.last(fail) is None


def test_fault_is_swallowed():
    assert faults.swallowed(lambda: deep(100)) is None


def test_deep_fault_with_big_frames():
    with pytest.raises(ValueError, match="300 rows") as caught:
        deep(60)
    assert len(caught.traceback) > 60


def test_chained_faults():
    with pytest.raises(RuntimeError) as caught:
        try:
            fail()
        except ValueError as first:
            raise RuntimeError("second") from first
    assert isinstance(caught.value.__cause__, ValueError)
