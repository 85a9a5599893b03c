"""Objects whose classes raise, lie or count when they are looked at: the diagnosis must not run their code."""

from __future__ import annotations

import sys

import pytest

from pytest_memguard.diagnosis import anatomy
from tests.unit.diagnosis_lab import laboratory


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


HOSTILE = """
    class Touched(BaseException):
        pass

    TOUCHED = []

    def refuse(*args, **kwargs):
        TOUCHED.append(len(TOUCHED))
        raise Touched

    class Meta(type):
        __hash__ = __eq__ = __repr__ = __str__ = __len__ = __bool__ = __call__ = refuse
        __getattribute__ = __instancecheck__ = __subclasscheck__ = __iter__ = __contains__ = refuse
        __name__ = __mro__ = property(refuse)

    class Hostile({base}, metaclass=Meta):
        __hash__ = __eq__ = __repr__ = __str__ = __len__ = __bool__ = __format__ = refuse
        __getattribute__ = __getattr__ = __sizeof__ = __iter__ = __contains__ = __getitem__ = refuse
        __reversed__ = __index__ = __dir__ = items = keys = values = get = refuse
        __class__ = property(refuse)

    KEPT = []
    new = {base}.__new__

    def test():
        hostile = new(Hostile)  # <-
        KEPT.append(hostile)
"""


@pytest.mark.parametrize("base", ["object", "list", "dict", "set", "bytearray", "Exception", "str", "int"])
def test_a_class_that_refuses_everything(lab, base):
    app = lab.module("app", HOSTILE.format(base=base))

    diagnosis = lab.diagnose(app.test).diagnosis

    assert app.TOUCHED == []
    assert diagnosis.types[0].type == "shop.app.Hostile"
    assert diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert diagnosis.sites[0].line == lab.marked_line("app")


def test_hostile_objects_on_the_way(lab):
    app = lab.module(
        "app",
        HOSTILE.format(base="object")
        + """
    class Slotted(metaclass=Meta):
        __slots__ = ("items",)
        __getattribute__ = __eq__ = __hash__ = __repr__ = refuse

    class Mapping(dict, metaclass=Meta):
        __eq__ = __hash__ = __repr__ = __iter__ = __len__ = __getitem__ = items = values = keys = refuse
        __getattribute__ = refuse

    class Order:
        pass

    SLOTTED = object.__new__(Slotted)
    MAPPING = dict.__new__(Mapping)
    object.__setattr__(SLOTTED, "items", MAPPING)
    dict.__setitem__(MAPPING, "open", [])
    del MAPPING

    def on_the_way():
        dict.__getitem__(object.__getattribute__(SLOTTED, "items"), "open").append(Order())
""",
    )

    diagnosis = lab.diagnose(app.on_the_way).diagnosis

    assert app.TOUCHED == []
    assert diagnosis.retainers[0].path == "shop.app.SLOTTED.items['open'][*]"


def test_a_class_without_a_module_or_with_one_that_is_no_string():
    cls = type("Odd", (), {"__module__": 42})
    assert anatomy.module_of(cls) == ""
    assert anatomy.type_name(cls) == "Odd"


def test_strings_of_a_subclass_are_taken_for_what_they_are():
    class Text(str):
        __slots__ = ()

        def __str__(self):
            raise AssertionError

        def __eq__(self, other):
            raise AssertionError

        __hash__ = str.__hash__

    cls = type("Odd", (), {"__module__": Text("shop")})
    name = anatomy.type_name(cls)
    assert type(name) is str
    assert name == "shop.Odd"


def test_a_module_of_sys_modules_need_not_be_one(lab, monkeypatch):
    class Lazy:
        def __getattribute__(self, name):
            raise AssertionError(name)

    monkeypatch.setitem(sys.modules, "shop_lazy", Lazy())
    app = lab.module("app", "KEPT = []\nclass Order: pass\ndef test():\n    KEPT.append(Order())\n")

    assert lab.diagnose(app.test).diagnosis.retainers[0].path == "shop.app.KEPT[*]"


def test_lengths_are_those_of_the_builtin_base():
    class Lying(list):
        def __len__(self):
            raise AssertionError

    assert anatomy.length(Lying([1, 2, 3])) == 3
    assert anatomy.length({1: 2}) == 1
    assert anatomy.length((1, 2)) is None
    assert anatomy.length("text") is None


def test_reading_attributes_makes_none():
    class Plain:
        def __init__(self):
            self.name = "tea"

    class Slotted:
        __slots__ = ("name", "unset")

    plain, slotted = Plain(), Slotted()
    slotted.name = "tea"
    assert anatomy.instance_dict(plain) == {"name": "tea"}
    assert anatomy.instance_dict(slotted) is None
    assert dict(anatomy.slots(slotted)) == {"name": "tea"}
    assert anatomy.instance_dict(object()) is None


def test_a_test_that_fails_when_it_is_traced_is_explained_all_the_same(lab):
    app = lab.module(
        "app",
        """
        import sys
        KEPT = []
        def test():
            if sys.gettrace() is not None:
                raise AssertionError("somebody is tracing")
            KEPT.append(object.__new__(Kept))  # <-
        class Kept:
            pass
        """,
    )
    diagnosis = lab.diagnose(app.test).diagnosis
    assert diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert diagnosis.sites[0].line == lab.marked_line("app")
    assert diagnosis.retained_at == ()
    assert sys.gettrace() is None
