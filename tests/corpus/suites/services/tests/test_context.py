from __future__ import annotations

import contextvars

from svc import context


def test_becoming_somebody():
    context.become("ada")
    assert context.user.get() == "ada"


def test_acting_as_somebody():
    before = context.user.get()
    with context.acting_as("grace"):
        assert context.user.get() == "grace"
    assert context.user.get() == before


def test_trail_grows_by_a_step():
    before = len(context.trail.get())
    assert context.step("login") == before + 1


def test_snapshot_is_a_context():
    assert isinstance(context.snapshot(), contextvars.Context)


def test_running_in_a_copy():
    copy = contextvars.copy_context()
    copy.run(context.user.set, "alan")
    assert copy[context.user] == "alan"
