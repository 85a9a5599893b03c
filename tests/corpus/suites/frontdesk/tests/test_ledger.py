from __future__ import annotations

import itertools

from hotel import ledger

_numbers = itertools.count()


def test_write():
    ledger.write("room 12")
    assert ledger.LINES[-1].startswith(b"room 12")


def test_total():
    number = next(_numbers)
    ledger.total(number, 10.0)
    assert ledger.TOTALS[f"guest-{number:08}"] > 3


def test_see():
    number = next(_numbers)
    ledger.see(number)
    assert 1_000_000 + number in ledger.SEEN


def test_note():
    ledger.note("all is well")
    assert ledger._text.endswith("well")


def test_pass_by():
    ledger.pass_by(5)
    assert ledger._trail[-1] == 5


def test_record():
    ledger.TAPE.record(200)
    assert ledger.TAPE.samples[-1] == 1.5


def test_dump():
    ledger.TAPE.dump(3000)
    assert len(ledger.TAPE.raw) >= 3000


def test_say():
    ledger.TAPE.say("good night " * 60)
    assert ledger.TAPE.report.tell()
