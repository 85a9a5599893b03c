from __future__ import annotations

from hotel import journal


def test_open_audit():
    journal.open_audit()
    assert journal.audit.handlers


def test_only_guest():
    journal.only_guest("Ann")
    assert journal.audit.filters


def test_room_logger():
    assert journal.room_logger().name.startswith("hotel.room")


def test_charge():
    journal.charge("4711")
    assert journal.LAST_ERRORS


def test_enter():
    journal.enter("Ann")
    assert journal.trail.get()[0].text == "Ann"


def test_at_the_end():
    journal.at_the_end("Ann")


def test_later():
    journal.later("Ann")


def test_pay():
    journal.pay(5)
    assert journal.gateway.charge.called
