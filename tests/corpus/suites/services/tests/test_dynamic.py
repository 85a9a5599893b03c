from __future__ import annotations

import sys

from svc import dynamic


def test_plugin_is_importable_by_name():
    module = dynamic.load("answer = 42\n")
    assert sys.modules[module.__name__].answer == 42


def test_private_module_is_gone_afterwards():
    assert dynamic.load_private("def twice(x):\n    return 2 * x\n").twice(4) == 8
    assert "svc_private" not in sys.modules


def test_generated_code():
    assert dynamic.generated("def half(x):\n    return x / 2\n")["half"](3) == 1.5


def test_classes_made_by_type():
    classes = [type("Row", (), {"width": n, "area": lambda self: self.width}) for n in range(50)]
    assert classes[7]().area() == 7


def test_namedtuple_and_dataclass_at_run_time():
    import collections
    import dataclasses

    point = collections.namedtuple("point", "x y")
    line = dataclasses.make_dataclass("Line", [("start", point), ("end", point)])
    assert line(point(1, 2), point(3, 4)).end.y == 4


def test_enum_at_run_time():
    import enum

    colour = enum.Enum("Colour", "RED GREEN BLUE")
    assert colour["RED"].value == 1
