import os
import socket
import threading

import pytest

from dock import crew


@pytest.fixture(scope="module")
def lighthouse():
    here, there = socket.socketpair()  # leak: lighthouse
    there.close()
    yield here.detach()


@pytest.fixture(scope="module")
def keeper():
    thread = threading.Thread(target=crew.stand_by, daemon=True)  # leak: keeper
    thread.start()
    return thread


@pytest.fixture(scope="module")
def good_lighthouse():
    here, there = socket.socketpair()
    yield here
    here.close()
    there.close()


def test_lighthouse(lighthouse):
    assert lighthouse > 2


def test_lighthouse_again(lighthouse):
    assert lighthouse > 2


def test_good_lighthouse(good_lighthouse):
    assert good_lighthouse.fileno() > 2


@pytest.fixture(scope="class")
def lamp():
    return os.open("/etc/hostname", os.O_RDONLY)  # leak: lamp


class TestKeeper:
    def test_lamp(self, lamp):
        assert os.fstat(lamp).st_size

    def test_keeper(self, keeper):
        assert keeper.is_alive()
