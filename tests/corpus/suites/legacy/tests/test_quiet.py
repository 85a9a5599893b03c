from __future__ import annotations

import warnings

import pytest
from oldapp import quiet


def test_each_feature_is_silenced():
    assert quiet.silence() > 0


def test_fixed_filter():
    quiet.silence_fixed()
    assert quiet.old_way() == 1


def test_quietly():
    assert quiet.quietly() == 1


def test_recorded():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quiet.old_way()
    assert len(caught) == 1


def test_expected():
    with pytest.warns(DeprecationWarning, match="the old way"):
        quiet.old_way()


def test_ignored_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        assert quiet.old_way() == 1
