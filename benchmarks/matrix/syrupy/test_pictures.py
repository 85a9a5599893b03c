import pytest
import shop
from syrupy.extensions.json import JSONSnapshotExtension


def test_same(snapshot):
    assert {"price": shop.offer(3).price} == snapshot


def test_several(snapshot):
    assert 1 == snapshot
    assert "two" == snapshot(name="named")


def test_differs(snapshot):
    assert shop.offer(4).price == snapshot


def test_unknown(snapshot):
    assert [5] == snapshot


def test_leak_with_a_picture(snapshot):
    assert shop.sell(3).price == snapshot


@pytest.fixture
def as_json(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def test_json(as_json):
    assert as_json == {"price": 3}
