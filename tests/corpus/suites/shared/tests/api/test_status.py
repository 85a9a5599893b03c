from __future__ import annotations

import pytest
from portal.routes import STATUS, status


@pytest.mark.parametrize("name", sorted(STATUS))
def test_status(name):
    assert status(name) == STATUS[name]


@pytest.mark.parametrize("name", ["", "a/b", "ünï", "x" * 500, "HOME", " home"])
def test_unknown_status(name):
    assert status(name) == 404


class TestRedirects:
    def test_logout(self):
        assert status("logout") == 302

    def test_old(self):
        assert status("old") == 301

    def test_none_is_permanent_by_mistake(self):
        assert [name for name, code in STATUS.items() if code == 301] == ["old"]


def test_span_has_the_name_of_the_test(traced_request, request):
    assert traced_request.name == request.node.name


def test_span_takes_tags(traced_request):
    traced_request.tags.update(user="ada", role="admin")
    assert len(traced_request.tags) == 2


def test_span_takes_events(traced_request):
    traced_request.events.extend(f"event {n}" for n in range(20))
    assert len(traced_request.events) == 20
