from __future__ import annotations

import unittest

import pytest
from portal.routes import body, query


@pytest.mark.parametrize("number", range(12))
def test_query(number):
    assert query(f"https://example.test/?page={number}") == {"page": [str(number)]}


def test_query_without_value():
    assert query("https://example.test/?page=") == {}


def test_body_is_sorted():
    assert body(b=1, a=2) == '{"a": 2, "b": 1}'


class BodyTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(body(), "{}")

    def test_nested(self):
        self.assertEqual(body(rows=[{"id": 1}]), '{"rows": [{"id": 1}]}')
