"""A few examples of everything that may come from outside, changed at random; the same ones each time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzzing import TARGETS

EXAMPLES = 15


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_it_is_read_or_refused_and_no_file_is_lost(target):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.examples)
    def each(example):
        target.run(example)

    each()
