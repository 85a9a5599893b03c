from __future__ import annotations

import pytest
from shop.events import EventBus, Mailer, Signal, bus, order_placed, stock_changed, weak_bus


def test_mailer_hears_of_orders():
    mailer = Mailer()
    bus.subscribe("order", mailer.on_order)
    bus.publish("order", {"number": 1})
    assert mailer.sent == [{"number": 1}]


def test_unsubscribed_mailer_hears_nothing():
    mailer = Mailer()
    unsubscribe = bus.subscribe("refund", mailer.on_order)
    unsubscribe()
    assert bus.publish("refund", {}) == 0


def test_weak_subscriber():
    mailer = Mailer()
    weak_bus.subscribe(mailer.on_order)
    weak_bus.publish("hello")
    assert mailer.sent == ["hello"]


def test_receiver_counts_orders():
    seen = []
    order_placed.connect(lambda number: seen.append(number))
    order_placed.send(number=4)
    assert seen == [4]


@pytest.fixture
def stock_log():
    seen = []

    def receiver(**values):
        seen.append(values)

    stock_changed.connect(receiver)
    yield seen
    stock_changed.disconnect(receiver)


def test_stock_changes_are_logged(stock_log):
    stock_changed.send(sku="tea", left=3)
    assert stock_log == [{"sku": "tea", "left": 3}]


def test_a_bus_of_our_own():
    own = EventBus()
    for n in range(100):
        own.subscribe(f"topic {n}", print)
    assert own.publish("nobody", None) == 0


def test_a_signal_of_our_own():
    signal = Signal()
    signal.connect(lambda **values: values)
    signal.send(a=1)
    assert len(signal.receivers) == 1
