from __future__ import annotations

import unittest
from unittest import mock

from recipes import book
from recipes.book import Recipe


class Kitchen:
    served: list[dict[str, int]] = []
    opened: list[object] = []
    washed: list[tuple[str, float]] = []
    cleaned: list[str] = []
    testcases: list[unittest.TestCase] = []
    stations: dict[int, list[int]] = {}


class ServingTest(unittest.TestCase):
    plates: list[bytes] = []

    def test_plates_pile_up(self):
        self.plates.append(bytes(400))  # leak: testcase-class-list
        self.assertEqual(len(self.plates[-1]), 400)

    def test_plate_is_returned(self):
        plate = bytes(400)
        self.plates.append(plate)
        self.plates.pop()
        self.assertEqual(len(plate), 400)


class SetUpTest(unittest.TestCase):
    def setUp(self):
        self.recipe = Recipe("soup", {"water": 2})
        Kitchen.opened.append(self.recipe)  # leak: testcase-setup

    def test_weight(self):
        self.assertEqual(self.recipe.weight(), 2)

    def test_scaled(self):
        self.assertEqual(self.recipe.scaled(3).weight(), 6)


class TearDownTest(unittest.TestCase):
    def setUp(self):
        self.dishes = ["pan"]

    def tearDown(self):
        Kitchen.washed.append((self.dishes[0] + "!", len(self.dishes) / 7))  # leak: testcase-teardown

    def test_dishes(self):
        self.assertEqual(self.dishes, ["pan"])


class CleanupTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(lambda: Kitchen.cleaned.append(f"cleaned {len(Kitchen.cleaned)}"))  # leak: testcase-cleanup

    def test_nothing(self):
        self.assertTrue(True)


class SelfKeepingTest(unittest.TestCase):
    def test_keeps_itself(self):
        self.data = bytearray(2_000)
        Kitchen.testcases.append(self)  # leak: testcase-instance
        self.assertEqual(len(self.data), 2_000)


class StationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Kitchen.stations[len(Kitchen.stations)] = list(range(300, 400))  # leak: testcase-setupclass

    def test_station(self):
        self.assertTrue(Kitchen.stations)

    def test_station_again(self):
        self.assertIn(0, Kitchen.stations)


class SubtestsTest(unittest.TestCase):
    def test_servings(self):
        for count in range(5):
            with self.subTest(count=count):
                Kitchen.served.append({"count": count})  # leak: testcase-subtests
                self.assertEqual(Kitchen.served[-1], {"count": count})

    def test_servings_in_passing(self):
        for count in range(20):
            with self.subTest(count=count):
                self.assertEqual(Recipe("x", {"y": count}).weight(), count)


class TableTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = [[n] * 50 for n in range(1_000)]

    @classmethod
    def tearDownClass(cls):
        cls.table = []

    def setUp(self):
        patcher = mock.patch.object(book, "parse", return_value=("patched", 1))
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_table_is_laid(self):
        self.assertEqual(len(self.table), 1_000)

    def test_parse_is_patched(self):
        self.assertEqual(book.parse("anything"), ("patched", 1))

    @mock.patch("recipes.book.cook")
    def test_cook_is_patched(self, cook):
        cook.return_value = "done"
        self.assertEqual(book.cook(None), "done")

    @unittest.skip("needs a stove")
    def test_stove(self):
        raise AssertionError

    @unittest.expectedFailure
    def test_known_to_fail(self):
        self.assertEqual(1, 2)

    def test_logs(self):
        import logging

        with self.assertLogs("recipes", level="INFO") as captured:
            logging.getLogger("recipes").info("soup")
        self.assertEqual(len(captured.output), 1)

    def test_raises(self):
        with self.assertRaises(ZeroDivisionError) as caught:
            1 // 0  # noqa: B018
        self.assertIn("zero", str(caught.exception))
