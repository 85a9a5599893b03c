from __future__ import annotations

import pytest
from shop import journal


def test_page_is_kept():
    assert len(journal.page(10_000)) == 10_000


def test_scan_of_a_megabyte():
    assert journal.scan(1_000_000) == 1_000_000


def test_backup_of_twenty_megabytes():
    assert journal.backup(20_000_000) == 20_000_000


def test_sample_is_a_fraction():
    assert 0 <= journal.sample() < 1


def test_ticket_is_unique():
    assert journal.ticket() is not None


def test_tag_is_fresh():
    assert journal.tag("sale").startswith("sale-")


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_kind_is_one_object(name):
    assert journal.kind(name) is journal.kind(name)


def test_flag():
    assert journal.flag() > 0


def test_write_a_line():
    assert journal.write("one more line of text\n") == 22


def test_write_bytes():
    assert journal.write_bytes(b"\0" * 48) == 48


def test_send_a_frame():
    assert journal.send(b"\1" * 24) == 24


def test_narrate_a_paragraph():
    assert journal.narrate("x" * 2048) == 2048


def test_note_a_word():
    assert journal.note("y" * 40) == 40


def test_ship_an_order():
    assert journal.ship({"tea": 1, "cup": 2}) == 2


def test_archive_takes_every_second_order():
    assert journal.archive({"tea": 2}) >= 0


def test_last_ten_lines():
    assert len(journal.remember("line ")) <= 10


def test_joining_a_large_text_in_passing():
    text = "".join(f"{n:08d}" for n in range(200_000))
    assert len(text) == 1_600_000
