from __future__ import annotations

import random

import pytest
from portal.routes import STATUS, body, query, status
from portal.tracing import Book


@pytest.mark.parametrize("name", sorted(STATUS))
def test_status_is_an_int(name):
    assert isinstance(status(name), int)


def test_random_query():
    number = random.randrange(10**9)
    assert query(f"/?n={number}") == {"n": [str(number)]}


def test_large_body():
    assert len(body(rows=list(range(10_000)))) > 40_000


def test_book_of_our_own():
    own = Book()
    for n in range(100):
        own.open(f"span {n}")
    assert len(own.spans) == 100


@pytest.mark.parametrize("n", range(100))
def test_hundred_parameters(n):
    assert body(n=n) == f'{{"n": {n}}}'
