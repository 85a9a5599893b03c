from __future__ import annotations

import random

from limits import trimmed


def test_ten(key):
    assert trimmed.ten(key) <= 10


def test_fifty(key):
    assert trimmed.fifty(key) <= 50


def test_hundred(key):
    assert trimmed.hundred(key) <= 100


def test_five_hundred(key):
    assert trimmed.five_hundred(key) <= 500


def test_page(key):
    assert trimmed.page(key) <= 60


def test_top(key):
    assert trimmed.top(random.random(), key) <= 25


def test_ranked():
    assert trimmed.ranked(random.random()) <= 40


def test_recent(key):
    assert trimmed.recent(key) <= 20


def test_line(key):
    assert trimmed.line(key) <= 256


def test_many_lines(key):
    for n in range(30):
        trimmed.line(f"{key} {n}")
    assert trimmed.line(key) <= 256


def test_frame(key):
    assert trimmed.frame(key.encode()) <= 1_000


def test_batch(key):
    assert trimmed.batch({"row": key}, size=25) < 25


def test_every_fourth(key):
    assert trimmed.every_fourth.bite(key) < 4


def test_every_ninth(key):
    assert trimmed.every_ninth.bite({"key": key}) < 9


def test_every_fortieth(key):
    assert trimmed.every_fortieth.bite([key]) < 40
