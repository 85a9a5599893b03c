from __future__ import annotations

import sys

import pytest

_KEPT: list[bytearray] = []


@pytest.mark.skip(reason="not today")
def test_skipped():
    raise AssertionError


@pytest.mark.skipif(sys.version_info >= (3, 0), reason="needs Python 2")
def test_skipped_by_condition():
    raise AssertionError


def test_skipped_in_the_body():
    pytest.skip("no server")


@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail():
    assert [bytearray(100_000)] == []


@pytest.mark.xfail(reason="known", raises=ZeroDivisionError)
def test_expected_to_raise():
    data = list(range(50_000))
    data[0] / data[0]


@pytest.mark.xfail(reason="may pass")
def test_passes_unexpectedly():
    assert True


@pytest.fixture
def broken():
    raise RuntimeError("no set-up")


@pytest.mark.xfail(reason="broken fixture")
def test_with_a_broken_fixture(broken):
    assert broken


def test_raises_are_caught():
    with pytest.raises(KeyError) as caught:
        {}["x"]
    assert caught.value.args == ("x",)


def test_raised_groups_of_frames():
    def deep(n):
        rows = list(range(1_000))
        if n == 0:
            raise LookupError(len(rows))
        deep(n - 1)

    with pytest.raises(LookupError, match="1000"):
        deep(50)


def test_approximate_values():
    assert [0.1 + 0.2, {"x": 1}["x"]] == pytest.approx([0.3, 1.0])


def test_import_or_skip():
    assert pytest.importorskip("json").loads("1") == 1


@pytest.mark.slow
@pytest.mark.parametrize("n", range(100))
def test_hundred(n):
    assert sum(range(n)) == n * (n - 1) // 2


@pytest.mark.parametrize(("a", "b"), [(n, m) for n in range(5) for m in range(5)])
def test_pairs(a, b):
    assert a + b == b + a


class TestGrouped:
    shared: dict[str, int] = {}

    @pytest.fixture(autouse=True)
    def prepared(self):
        self.rows = [n for n in range(100)]  # noqa: C416
        yield
        self.rows.clear()

    def test_rows(self):
        assert len(self.rows) == 100

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_shared(self, n):
        self.shared["n"] = n
        assert self.shared["n"] == n

    def test_node(self, request):
        assert request.node.name == "test_node"
        assert request.cls is TestGrouped


def test_cache_of_pytest(pytestconfig):
    cache = getattr(pytestconfig, "cache", None)
    if cache is not None:
        cache.set("corpus/value", {"n": 1})
    assert pytestconfig.rootpath.name == "harness"


def test_marker_added_to_the_node(request):
    request.node.add_marker("slow")
    assert request.node.get_closest_marker("slow")


def test_stash(request):
    key = pytest.StashKey[list]()
    request.node.stash[key] = [1] * 1_000
    assert len(request.node.stash[key]) == 1_000
