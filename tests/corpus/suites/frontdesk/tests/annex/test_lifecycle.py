from __future__ import annotations

import unittest

import pytest
from hotel import annex, service

from annex.conftest import Helpers


def setup_function(function):
    if "before" in function.__name__:
        service.open_room(70)


def teardown_function(function):
    if "after" in function.__name__:
        service.close_room(service.Room(71))


def test_before():
    pass


def test_after():
    pass


def test_hooked():
    pass


def test_stamped():
    pass


def test_partial(partial_room):
    pass


def test_opened(opened_room):
    assert opened_room == 51


def test_closing(closing_annex):
    assert closing_annex == 52


def test_lettered(lettered):
    assert lettered in "ab"


def test_archive(reader):
    assert reader == []


def test_archive_again(archive):
    assert archive == []


def test_quiet(quiet_archive):
    assert quiet_archive == []


def test_catalogue(catalogue, quiet_archive):
    assert catalogue is quiet_archive


def test_dynamic(request):
    assert request.getfixturevalue("opened_room") == 51


def test_node_finalizer(request):
    request.node.addfinalizer(lambda: service.close_room(service.Room(72)))


class TestHelpers(Helpers):
    def test_in_class(self, in_class):
        assert in_class == 5


class AsyncSetUp(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.room = service.open_room(73)

    async def test_number(self):
        self.assertEqual(self.room.number, 73)


class AsyncTearDown(unittest.IsolatedAsyncioTestCase):
    async def asyncTearDown(self):
        service.close_room(service.Room(74))

    async def test_number(self):
        self.assertTrue(service.Room(1))


class TestTemporary:
    """What the setup puts in, the teardown takes out; the body adds one that stays."""

    @pytest.fixture
    def borrowed(self):
        room = service.Room(80)
        service.OPENED.append(room)
        yield
        service.OPENED.remove(room)

    def test_borrowed(self, borrowed):
        service.OPENED.append(service.Room(81))  # leak: among-borrowed
