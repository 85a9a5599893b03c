from __future__ import annotations

import pytest
from hotel import annex


def test_post():
    annex.post("hello")


def test_plan():
    annex.plan("clean")


def test_layer():
    annex.layer("x")


def test_count():
    annex.count("guests")


def test_floor():
    annex.floor(1, "east")


def test_view():
    annex.view(3000)


def test_print_line():
    annex.print_line(1, "x")


def test_note():
    annex.note("a rather long note, longer than most")


def test_nothing():
    annex.nothing()


def test_bed_kind():
    assert annex.bed_kind("Bed").SINGLE


def test_silence():
    annex.silence("quiet")


def test_find_here():
    annex.find_here()


def test_kind_of_room():
    assert annex.kind_of_room("Suite")


def test_teach():
    annex.DATABASE.teach("tip")


def test_grow():
    assert annex.grow().parent


def test_lamp():
    assert annex.Lamp()


def test_switch():
    assert annex.switch([1, 2]) == 2  # site: switched


def test_cached():
    name = f"row_{next(annex._numbers)}"
    assert getattr(annex.CACHED, name)


def test_with_context():
    annex.with_context("many")


def test_level():
    annex.level("LOUD")


@pytest.mark.filterwarnings("ignore")
def test_unpaired():
    annex.unpaired(annex.greet("Ann"))  # leak: coroutine
