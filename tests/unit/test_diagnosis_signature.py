"""One leak has one signature: from run to run, after edits, on every Python; two leaks have two."""

from __future__ import annotations

import re
import sys

import pytest

from pytest_memguard.diagnosis import sign
from pytest_memguard.diagnosis.signature import normalised
from pytest_memguard.model import AllocationSite
from tests.unit.diagnosis_lab import laboratory


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


def site(**changes):
    values = {"file": "shop/cart.py", "line": 41, "function": "checkout", "bytes": 10, "count": 1, "source": "a = B()"}
    return AllocationSite(**{**values, **changes})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shop.CACHE[0]", "shop.CACHE[17]"),
        ("shop.CACHE['a']", "shop.CACHE['b']"),
        ("shop.CACHE['it\\'s [1]']", "shop.CACHE[*]"),
        ('shop.CACHE["a]b"].x', "shop.CACHE[*].x"),
        ("thread 'worker-1' frame run local x", "thread 'worker-22' frame run local x"),
        ("thread 'Thread-1 (run)' frame f local x", "thread 'Thread-12 (run)' frame f local x"),
        ("shop.models.Model_1", "shop.models.Model_205"),
        ("shop.job_0x7f3a91c02b30", "shop.job_0x7f3a91c02b99"),
        ("m.Thing-3fa85f64-5717-4562-b3fc-2c963f66afa6", "m.Thing-9b2e1c04-1111-4562-b3fc-2c963f66afa6"),
        ("m.tmp_3fa9c1d2e4", "m.tmp_99aabbcc01"),
    ],
)
def test_what_differs_from_run_to_run_does_not_count(one, other):
    assert normalised(one) == normalised(other)
    assert sign("python", path=one) == sign("python", path=other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shop._CACHE1", "shop._CACHE2"),
        ("shop.v1.CACHE", "shop.v2.CACHE"),
        ("shop.sha256", "shop.sha512"),
        ("shop.CACHE[*]", "shop.CACHE"),
        ("shop.deadbeef", "shop.facade"),
    ],
)
def test_what_a_name_is_made_of_does(one, other):
    assert sign("python", path=one) != sign("python", path=other)


def test_twelve_hexadecimal_digits():
    assert re.fullmatch(r"[0-9a-f]{12}", sign("python", type_name="shop.Order", path="shop.CACHE[*]"))


def test_the_value_is_part_of_the_interface():
    # Baselines hold signatures: a change of this value makes every known leak a new one.
    assert sign("python", type_name="shop.cart.Order", path="shop.cart._ORDERS[*]") == "33e44f38fc00"
    assert sign("native", site=site()) == "e0d7d7eeda34"


def test_a_path_counts_more_than_a_site():
    with_path = sign("python", type_name="T", path="m.X[*]", site=site())
    assert with_path == sign("python", type_name="T", path="m.X[*]", site=site(function="elsewhere"))
    assert with_path != sign("native", type_name="T", path="m.X[*]")
    assert with_path != sign("python", type_name="U", path="m.X[*]")


def test_a_site_counts_without_its_line_number_and_amounts():
    assert sign("python", site=site()) == sign("python", site=site(line=99, bytes=1, count=7, source="  a  =  B() "))
    for changed in ({"file": "shop/other.py"}, {"function": "other"}, {"source": "a = C()"}):
        assert sign("python", site=site()) != sign("python", site=site(**changed))


def test_nothing_known_is_no_signature_unless_there_is_something_to_fall_back_on():
    assert sign("native") == ""
    assert sign("native", fallback="tests/test_a.py::test_x") != sign("native", fallback="tests/test_a.py::test_y")
    assert sign("native", type_name="T", fallback="x") == sign("native", type_name="T")


LEAK = """
    {padding}
    CACHE = {{}}

    class Order:
        pass

    def test_one():
        CACHE[len(CACHE)] = Order()

    def test_other():
        for _ in range(7):
            CACHE["order %d" % len(CACHE)] = Order()
"""


def test_two_tests_that_fill_one_registry_have_one_signature(lab):
    app = lab.module("app", LEAK.format(padding=""))
    one = lab.diagnose(app.test_one).diagnosis
    other = lab.diagnose(app.test_other, rounds=4).diagnosis
    assert one.signature == other.signature
    assert one.types[0].count != other.types[0].count


def test_classes_that_a_test_makes_anew_count_as_the_base_that_has_a_name(lab):
    app = lab.module(
        "app",
        """
        KEPT = []

        class Model:
            def save(self):
                KEPT.append(self)

        def test_one():
            class Customer(Model):
                pass
            Customer().save()

        def test_other():
            class Invoice(Model):
                pass
            Invoice().save()
        """,
    )
    one, other = lab.diagnose(app.test_one).diagnosis, lab.diagnose(app.test_other).diagnosis
    assert one.retainers[0].path == other.retainers[0].path == "shop.app.KEPT[*]"
    assert one.retainers[0].type != other.retainers[0].type
    assert one.signature == other.signature


SITE_ONLY = """
    import ctypes
    {padding}
    class Leaky:
        pass

    def test():
        leaky = Leaky()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaky))
"""


def test_lines_that_move_change_nothing(lab):
    first = lab.diagnose(lab.module("app", SITE_ONLY.format(padding="")).test).diagnosis
    del sys.modules["shop.app"]
    padded = SITE_ONLY.format(padding="\n    # a comment\n    import os\n")
    second = lab.diagnose(lab.module("app", padded).test).diagnosis

    assert first.sites[0].line != second.sites[0].line
    assert first.signature == second.signature


def test_the_signature_of_a_whole_diagnosis_is_the_same_on_every_python(lab):
    app = lab.module("app", LEAK.format(padding=""))
    assert lab.diagnose(app.test_one).diagnosis.signature == "ae4db0a9fe41"
