"""Where in a test it happens: the same helper leaks from a fixture, from the body, from a teardown."""

from __future__ import annotations

import unittest

import pytest
from hotel import service


def test_room_from_fixture(room):
    assert room.number == 7


def test_room_from_body():
    assert service.open_room(1).number == 1


def test_room_from_factory(make_room):
    assert make_room(11).number == 11


def test_room_two_fixtures_down(suite_of_rooms):
    assert suite_of_rooms[0].number == 7


def test_noted_room(noted_room):
    assert noted_room.number == 8


def test_closing_room(closing_room):
    assert closing_room.number == 9


def test_final_room(final_room):
    assert final_room.number == 10


def test_key(key):
    assert key == 3


def test_watched(watched):
    assert service.AUDIT is not None


def test_inventory(inventory):
    assert inventory.add("lamp").number == 4


class TestSetupMethod:
    def setup_method(self):
        self.room = service.open_room(20)

    def test_number(self):
        assert self.room.number == 20


class TestTeardownMethod:
    def setup_method(self):
        self.room = service.Room(21)

    def teardown_method(self):
        service.close_room(self.room)

    def test_number(self):
        assert self.room.number == 21


class SetUp(unittest.TestCase):
    def setUp(self):
        self.room = service.open_room(30)

    def test_number(self):
        self.assertEqual(self.room.number, 30)


class TearDown(unittest.TestCase):
    def setUp(self):
        self.room = service.Room(31)

    def tearDown(self):
        service.close_room(self.room)

    def test_number(self):
        self.assertEqual(self.room.number, 31)


class CleanUp(unittest.TestCase):
    def test_number(self):
        room = service.Room(32)
        self.addCleanup(service.close_room, room)
        self.assertEqual(room.number, 32)


def test_booked(booked):
    assert booked.number == 77


def test_booked_again(booked):
    assert booked.number == 77


class TestWing:
    def test_wing(self, wing):
        assert wing[0].number == 6

    def test_wing_again(self, wing):
        assert wing[0].number == 6


def test_innocent_room():
    assert service.Room(3).number == 3
