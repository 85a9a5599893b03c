from __future__ import annotations

from hotel import desk
from hotel.desk import Guest


def test_porter():
    porter = desk.porter_on_duty()
    porter.carry(Guest("Ann"))
    assert porter.carried == ["Ann"]


def test_whisper():
    desk.whisper(Guest("Bob"))  # site: whispering
    assert desk.bell._by_topic["whisper"]


def test_call_back():
    assert desk.call_back(Guest("Eve")) >= 1  # site: called-back


def test_sign():
    assert desk.Register.sign("Joe").name == "Joe"


def test_check_in():
    assert desk.REGISTER.check_in(12, "Kim").bags == ["Kim"]


def test_check_out():
    desk.REGISTER.check_out("Kim")
    assert desk.REGISTER.history[-1]["name"] == "Kim"


def test_note():
    guest = Guest("Lee")  # site: noted
    desk.REGISTER.note(guest, "early bird")
    assert desk.REGISTER.notes[guest]["text"] == "early bird"


def test_queue_up():
    desk.queue_up("May")
    assert desk.CORRIDOR.last.guest == "May"


def test_remember_here():
    desk.remember_here("Tom")
    assert desk._local.seen[-1].name == "Tom"


def test_on_closing():
    desk.on_closing(Guest("Pat"))


def test_fading():
    desk.fading(Guest("Ray"))  # site: fading-guest
    assert desk._FADING


def test_guests_come_and_go():
    guests = [Guest(str(n)) for n in range(20)]
    assert len(guests) == 20
