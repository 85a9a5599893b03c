from __future__ import annotations

import functools

import pytest
from hotel import annex, service


def pytest_runtest_setup(item):
    if "hooked" in item.name:
        service.AUDIT.append([item.name, [1]])  # leak: hook-setup


@pytest.fixture(autouse=True)
def stamp(request):
    yield
    if "stamped" in request.node.name:
        service.AUDIT.append({"stamp": [2]})  # leak: autouse-teardown


@pytest.fixture
def partial_room(request):
    request.addfinalizer(functools.partial(service.close_room, service.Room(50)))


@pytest.fixture
def opened_room():
    with annex.opened(51) as room:
        yield room


@pytest.fixture
def closing_annex():
    with annex.closing(52) as room:
        yield room


@pytest.fixture(params=["a", "b"])
def lettered(request):
    if request.param == "b":
        annex.PRINTED.append([request.param, [3]])  # leak: parametrized
    return request.param


@pytest.fixture(scope="session")
def archive(request):
    boxes = []
    request.addfinalizer(lambda: service.KEYS.append([service.Room(60)]))  # leak: session-finalizer
    return boxes


@pytest.fixture(scope="session")
def quiet_archive():
    return []


@pytest.fixture(scope="module")
def catalogue(quiet_archive):
    annex.PAIRS.append({"catalogue": [4]})  # leak: module-setup
    return quiet_archive


@pytest.fixture
def reader(archive):
    return archive


class Helpers:
    @pytest.fixture
    def in_class(self):
        annex.VIEWS.append([[5]])  # leak: class-fixture
        return 5
