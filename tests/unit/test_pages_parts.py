"""What the page of a run is made of, part by part: geometry, lines of source, cards, components, the extra."""

from __future__ import annotations

import itertools
import os
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_memguard.components.course import Course
from pytest_memguard.events import ComponentPoint, ComponentUsage
from pytest_memguard.model import AllocationSite, Diagnosis
from pytest_memguard.report.formats import formats
from pytest_memguard.report.pages import MissingExtraError, check_extra
from pytest_memguard.report.pages.card import LeakCard
from pytest_memguard.report.pages.cards import cards_of
from pytest_memguard.report.pages.components import held_over_run, spark_of
from pytest_memguard.report.pages.curves import bars, byte_axis, course, spark
from pytest_memguard.report.pages.excerpt import excerpt, main_places, source_reader
from tests.unit import reported as r

SOURCE = "import x\n\n\ndef f():\n\tone()\n    two()\n    three()\n\n\n\n\n\n\n\n\n\nfar()\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.py").write_text(SOURCE, "utf-8")
    (tmp_path / "secret.py").write_text("password\n", "utf-8")
    return tmp_path / "root"


def site(line=5, source="one()", file="a.py"):
    return AllocationSite(file=file, line=line, function="f", bytes=1, count=1, source=source)


def around(root, place):
    found = excerpt(place, source_reader(str(root)), title="here")
    return [(line.number, line.text, line.mark) for line in found.lines], found.missing


# -- bars and courses


def test_bars_go_up_and_down_from_zero():
    drawn = bars((3, 0, -1))

    assert [(bar.y, bar.height) for bar in drawn.bars] == [(0, 36), (36, 0), (36, 12)]
    assert (drawn.zero, drawn.left_out) == (36, 0)
    assert bars(()).bars == ()
    assert bars((1,) * 100).left_out == 36
    assert bars((1, 10**9)).bars[0].height > 1  # can be seen


@settings(deadline=None)
@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_an_axis_has_room_for_everything_and_even_ticks_that_differ(one, other):
    low, high = sorted((one, other))

    axis = byte_axis(low, high)
    values = [value for value, _ in axis.ticks]

    assert axis.low <= low * (1 + 1e-8)  # what nobody sees
    assert axis.high >= high * (1 - 1e-8)
    assert len({text for _, text in axis.ticks}) == len(axis.ticks) == 5
    steps = {round((above - below) / (axis.high - axis.low), 9) for below, above in itertools.pairwise(values)}
    assert steps == {0.25}


def test_an_axis_begins_at_zero_unless_that_would_hide_everything():
    assert byte_axis(10, 100).ticks[0] == (0.0, "0 B")
    assert [text for _, text in byte_axis(50 * 2**20, 50 * 2**20 + 90_000).ticks] == [
        "50.0 MiB",
        "50.2 MiB",
        "50.4 MiB",
        "50.6 MiB",
        "50.8 MiB",
    ]
    assert byte_axis(0, 0).ticks[0][0] == 0.0


def test_a_course_keeps_every_peak_however_many_tests_there_are():
    values = [100] * 20_000
    values[13_337] = 900

    found = course(values)

    assert found.line.count("L") < 1_000
    top = min(float(point.partition(",")[2]) for point in found.line.removeprefix("M").split("L"))
    assert top == pytest.approx(300 * (1 - 900 / found.axis.high))
    assert course([None, None]) is None
    assert course([None, 5, None]).line.startswith("M500,")


def test_a_small_line_is_made_of_steps():
    assert spark([(0, 1), (10, 3)]).line == "M0.0 27.0H120.0V1.0"
    assert spark([(0, 1)]) is None


# -- lines of source


def test_a_place_has_the_lines_around_it(root):
    lines, missing = around(root, site())

    assert lines == [
        (4, "def f():", ""),
        (5, "    one()", "made here"),
        (6, "    two()", ""),
        (7, "    three()", ""),
    ]
    assert missing == ""


@pytest.mark.parametrize(
    "file",
    [
        "../secret.py",
        "{tmp}/secret.py",
        "link.py",
        "folder/../../secret.py",
        "a.txt",
        "folder.py",
        "pipe.py",
        "\0.py",
        "x" * 9_000 + ".py",
        "json:decoder.py",
        "",
    ],
)
def test_no_file_elsewhere_becomes_part_of_a_page(root, file):
    (root / "link.py").symlink_to(root.parent / "secret.py")
    (root / "folder").mkdir()
    (root / "folder.py").mkdir()
    (root / "a.txt").write_text("password\n", "utf-8")
    os.mkfifo(root / "pipe.py")

    lines, missing = around(root, site(1, "password", file.replace("{tmp}", str(root.parent))))

    assert lines == [(1, "password", "made here")]  # as the report has it
    assert "not below the folder of the tests" in missing


@pytest.mark.parametrize("place", [site(6), site(0), site(-1), site(10_000), site(5, "other()")])
def test_a_file_that_has_changed_is_not_shown(root, place):
    assert "has changed since the run" in around(root, place)[1]


def test_a_line_that_was_not_recorded_is_shown_with_what_is_there(root):
    lines, missing = around(root, site(6, ""))

    assert (6, "    two()", "made here") in lines
    assert missing == ""


def test_two_places_close_to_each_other_are_one_piece_of_source(root):
    read = source_reader(str(root))

    (together,) = main_places(Diagnosis(sites=(site(),), retained_at=(site(7, "three()"),)), read)
    apart = main_places(Diagnosis(sites=(site(),), retained_at=(site(17, "far()"),)), read)
    other = main_places(Diagnosis(sites=(site(),), retained_at=(site(7, "changed()"),)), read)

    assert [line.mark for line in together.lines if line.mark] == ["made here", "put to stay here"]
    assert [line.number for line in together.lines] == [4, 5, 6, 7]
    assert (
        [place.title for place in apart] == ["Where it is made", "Where it is put to stay"] == [p.title for p in other]
    )
    assert main_places(Diagnosis(), read) == ()


def test_a_file_with_other_line_ends_counts_as_python_does(root):
    (root / "a.py").write_bytes(b"a\r\nb\rc\x0cd\n\xffe\n")

    assert around(root, site(3, "c\x0cd"))[1] == ""
    assert around(root, site(4, "\ufffde"))[1] == ""


# -- cards


def test_two_leaks_of_one_signature_have_cards_of_their_own():
    twin = replace(r.LEAK, nodeid="fixture:db", phase="setup", fixture="db")
    strange = replace(r.LEAK, diagnosis=replace(r.LEAK.diagnosis, signature="../x y"))

    cards = cards_of(r.run(r.LEAK, twin, strange), source_reader("."))

    assert sorted(card.anchor for card in cards.failing) == ["finding", "leak-3fa9c1d2e4", "leak-3fa9c1d2e4-2"]
    assert cards.anchors[r.CHECKOUT] in {card.anchor for card in cards.failing}
    assert all(isinstance(card, LeakCard) for card in cards.failing)


def test_the_guilty_reference_is_apart_from_what_it_refers_to():
    (card,) = cards_of(r.run(r.LEAK), source_reader(".")).failing

    assert [(step.reference, step.what, step.is_guilty) for step in card.paths[0].steps] == [
        ("shop.cart._ORDERS", "(list)", True),
        ("[*]", "shop.cart.Order", False),
    ]


def test_a_command_that_does_not_fit_is_left_out_and_not_cut():
    (card,) = cards_of(r.run(replace(r.LEAK, nodeid="t" * 5_000)), source_reader(".")).failing

    assert card.command == ""


# -- components


def test_the_course_of_a_component_has_its_ends_and_is_bounded():
    kept = Course()
    for number in range(10_000):
        kept.add(number, None)
    kept.add(9_999, None, tests=5)

    points = kept.points()

    assert points[0] == ComponentPoint(tests=1, entries=0)
    assert points[-1] == ComponentPoint(tests=10_005, entries=9_999)
    assert 100 < len(points) <= 241
    assert [point.tests for point in points] == sorted(point.tests for point in points)
    assert Course().points() == ()


def test_tests_that_change_nothing_cost_no_point():
    kept = Course()
    for held in (5, 5, 5, 7, 7, None):
        kept.add(held, 10)

    assert [(point.tests, point.entries) for point in kept.points()] == [(1, 5), (4, 7), (6, None)]


def test_components_travel_with_their_course_and_without_in_older_reports():
    usage = replace(r.USAGE, course=(ComponentPoint(tests=1, entries=5), ComponentPoint(tests=9, entries=7, bytes=80)))
    data = usage.to_json()

    assert ComponentUsage.from_json(data) == usage
    assert data["course"][1] == {"tests": 9, "entries": 7, "bytes": 80}
    del data["course"]
    assert ComponentUsage.from_json(data) == replace(usage, course=())
    assert held_over_run([usage, replace(usage, course=())]) == [{"name": "messages", "points": [(1, 5), (9, 7)]}]
    assert (spark_of(usage).lowest, spark_of(usage).highest) == (5, 7)


# -- the extra


def test_a_missing_extra_is_told_by_the_packages_and_the_command_to_install_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setitem(sys.modules, "plotly", None)

    with pytest.raises(MissingExtraError) as caught:
        check_extra(setting="the HTML report", origin="pytest.ini")

    assert str(caught.value) == (
        "cannot make the HTML report from pytest.ini: Jinja2 and plotly are missing\n"
        '  install what it needs: pip install "pytest-memguard[html]"  [missing-extra]'
    )
    (page,) = (made for made in formats() if made.name == "html")
    with pytest.raises(MissingExtraError):
        page.check("the command line")
