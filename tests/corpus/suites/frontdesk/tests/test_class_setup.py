from __future__ import annotations

import unittest

from hotel import service


class Wing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = service.open_room(40)

    def test_number(self):
        self.assertEqual(self.room.number, 40)


class TestTower:
    @classmethod
    def teardown_class(cls):
        service.close_room(service.Room(41))

    def test_tower(self):
        assert service.Room(1).number == 1
