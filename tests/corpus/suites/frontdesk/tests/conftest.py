from __future__ import annotations

import pytest
from hotel import service


@pytest.fixture
def room():
    return service.open_room(7)


@pytest.fixture
def noted_room():
    room = service.Room(8)  # site: noted-room
    service.AUDIT.append([room])  # leak: fixture-line
    return room


@pytest.fixture
def closing_room():
    room = service.Room(9)
    yield room
    service.close_room(room)


@pytest.fixture
def final_room(request):
    room = service.Room(10)
    request.addfinalizer(lambda: service.close_room(room))
    return room


@pytest.fixture
def make_room():
    def make(number):
        return service.open_room(number)

    return make


@pytest.fixture
def suite_of_rooms(room):
    return [room, service.Room(2)]


@pytest.fixture(name="key")
def make_key():
    service.KEYS.append(service.Room(3))  # leak: renamed-fixture
    return service.KEYS[-1].number


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setenv("HOTEL", "1")
    yield
    service.AUDIT.append({"end": [1]})  # leak: yield-fixture


@pytest.fixture(scope="session")
def inventory():
    return service.Inventory()


@pytest.fixture(scope="session")
def booked():
    service.OPENED.append(service.Room(77))  # leak: session-setup
    return service.OPENED[-1]


@pytest.fixture(scope="module")
def season():
    yield service.Room(4)
    service.close_room(service.Room(5))


@pytest.fixture(scope="class")
def wing():
    service.KEYS.append([service.Room(6)])  # leak: class-setup
    return service.KEYS[-1]
