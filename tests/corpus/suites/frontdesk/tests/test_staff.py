from __future__ import annotations

from hotel import natives, staff


def test_order():
    staff.KITCHEN.order("soup")


def test_plan():
    assert staff.plan(["Ann", "Bob"]) == "Ann"


def test_greet():
    class Visitor:  # leak: singledispatch
        pass

    staff.greet.register(Visitor, lambda visitor: "welcome")
    assert staff.greet(Visitor()) == "welcome"


def test_role():
    assert staff.role("Waiter").name == "Waiter"


def test_plug_in():
    assert staff.plug_in().__name__.startswith("hotel_plugin")


def test_badge():
    order = staff.Order("tea")  # leak: lru-argument
    assert staff.badge(order) == "TEA"


def test_pool():
    with staff.POOL as key:
        assert key.dish == "key"


def test_cut():
    assert natives.cut(5).teeth == [5]


def test_engrave():
    assert natives.engrave("Ann")[:3] == b"Ann"


def test_melt():
    natives.melt(700)
