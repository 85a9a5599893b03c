"""The page of a run: what is on it, that it can be read by everybody, and that nothing of a report is obeyed by it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need the extra html")
pytest.importorskip("plotly", reason="pages need the extra html")


from pytest_memguard.report import pages
from pytest_memguard.report.loading import load_report
from pytest_memguard.report.pages.run import page_of_run
from pytest_memguard.report.text import harmless
from tests import golden, reports
from tests.pages import parsed
from tests.unit import reported as r

TEMPLATES = Path(pages.__file__).parent / "templates"


def text_of(report, root="."):
    return "".join(page_of_run(root)(report))


def page_of(report, root=str(reports.ROOT)):
    return parsed(text_of(report, root))


# -- what is on it


@pytest.fixture(scope="module")
def five():
    return page_of(reports.five())


@pytest.fixture(scope="module")
def many():
    return page_of(reports.many(1_500))


def test_the_verdict_comes_first_with_the_leak_its_line_and_its_holder(five):
    top = five.root.one("section", class_="verdict")

    assert top.one("h1").text.strip().endswith("1 leak in 5 tests")
    line = top.one("a", href="#leak-750237fd43eb")
    told = " ".join(line.text.split())
    assert "examples/tests/test_orders.py::test_checkout" in told
    assert "made at examples/shop/orders.py:35 order = Order(" in told
    assert "kept by shop.orders._history[*]" in told
    assert "The run fails because of this." in five.seen


def test_a_card_has_the_lines_of_source_the_path_and_what_to_do(five):
    card = five.root.one("article", id="leak-750237fd43eb")
    source = card.all("ol", class_="source")[0].all("li")
    marked = [line for line in source if line.attributes.get("class") == "meant"]
    around = [line.one("code").text for line in source]
    steps = card.one("ol", class_="path").all("li")

    assert [line.one("span", class_="mark").text for line in marked] == ["made here", "put to stay here"]
    assert "    return order" in around
    assert [step.attributes.get("class") for step in steps] == ["guilty", None]
    assert steps[0].one("strong").text == "shop.orders._history"
    assert "What to do: it gets longer with each call" in " ".join(card.text.split())
    assert len(card.one("figure", class_="rounds").all("rect")) == 32
    assert card.one("code", id="leak-750237fd43eb-command").text == (
        'pytest --memguard "examples/tests/test_orders.py::test_checkout"'
    )


def test_a_leak_in_a_file_that_has_changed_or_is_not_there_has_its_line_and_says_so(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text("\n" * 60, "utf-8")

    changed, elsewhere = page_of(r.run(r.LEAK), str(tmp_path)), page_of(r.run(r.LEAK), str(tmp_path / "shop"))

    for page, why in ((changed, "the file has changed since the run"), (elsewhere, "cannot be read")):
        (line,) = page.root.one("ol", class_="source").all("li")
        assert line.one("code").text == "_ORDERS.append(Order(...))"
        assert why in page.seen


def test_everything_that_a_report_has_is_on_the_page():
    seen = page_of(golden.EVERYTHING).seen

    for told in (
        "Stopped under memory pressure after 9 tests",
        "memory was allocated by a C extension",  # note
        "poller-1, target shop.jobs.poll",  # resource
        "setup of fixture worker",
        "vendored code, fixed in its next release",  # why it does not fail the run
        "kept by the plugin pytest_web",
        "peak 82.0 MiB, usually 20.0 MiB",
        "Memory grew over the session",
        "fixtures not checked: db, cache",  # warning
        "watching: ValueError: no such metric",  # error of memguard
        "it failed when it was repeated",  # without a decision
        "the budget was spent",  # unchecked
        "memguard-baseline.yaml, line 5",
        "history 500",  # limit of a component
        "full_gc",
        "took more than 5 s",
        "92 % of 300 MiB cgroup v2",
        "/proc/self/statm",
        "130 objects freed by 7/1/0 collections",
        "453 repetitions of 5 tests",
    ):
        assert told in seen, told


def test_a_report_read_back_gives_the_same_page(tmp_path):
    for report in (golden.EVERYTHING, golden.HOSTILE, reports.many(300)):
        path = tmp_path / "report.json"
        path.write_text(golden.text_of(report, "json"), "utf-8")

        assert text_of(load_report(str(path)).run) == text_of(report)


def test_sections_with_nothing_to_say_are_left_out():
    page = page_of(reports.clean())

    assert page.root.one("h1").text.strip().endswith("No leaks in 5 tests")
    assert [section.attributes["id"] for section in page.root.one("main").all("section")] == ["memory", "tests", "run"]
    assert page_of(r.run()).root.all("figure") == []


def test_rows_are_data_in_the_order_of_the_run(many):
    report = reports.many(1_500)
    rows, words = many.data["rows"], many.data["words"]

    assert [f"{words['file'][row[0]]}::{row[1]}" for row in rows] == [harmless(test.nodeid) for test in report.tests]
    assert [words["verdict"][row[2]] for row in rows] == [test.verdict for test in report.tests]
    assert [row[8] for row in rows] == [test.peak_rss_bytes for test in report.tests]
    links = {row[12] for row in rows} - {None}
    assert links <= {card.attributes["id"] for card in many.root.all("article")}
    assert "leak-750237fd43eb" in links


def test_each_process_has_a_line_of_its_own():
    page = page_of(reports.many(200, workers=4))

    assert len(page.root.all("path", class_="curve")) == 4
    assert page.root.all("path", class_="area") == page.root.all("path", class_="peaks") == []
    assert page.data["words"]["worker"] == ["gw0", "gw1", "gw2", "gw3"]


def test_pressure_of_several_processes_is_no_stretch_of_the_run():
    report = reports.many(200)
    events = [replace(report.pressure[0], worker="gw0"), *report.pressure[1:]]

    assert page_of(replace(report, pressure=events)).data["marks"]["spans"] == []


def test_every_line_of_a_picture_is_whole(many):
    lines = [path.attributes["d"] for path in many.root.all("path")]

    assert max(map(len, lines)) > 4_000
    assert all(re.fullmatch(r"M(?:[MLHVZ]|-?\d+(?:\.\d+)?|[ ,]|m|v|V)+", line) for line in lines)


def test_without_scripts_the_most_remarkable_tests_are_there(many):
    verdicts = [row.all("td")[1].text.strip() for row in many.root.one("table", id="test-table").one("tbody").all("tr")]

    assert len(verdicts) == 200
    assert verdicts[:4] == ["leak"] * 4
    assert verdicts[-1] == "clean"


def test_marks_of_the_plot_are_at_their_tests(many):
    marks = many.data["marks"]

    assert [(row, anchor) for row, anchor, _ in marks["leaks"]][:2] == [
        (500, "leak-750237fd43eb"),
        (750, "leak-53e31b5bc884"),
    ]
    assert [(start, end, level) for start, end, level, _ in marks["spans"]] == [
        (900, 975, "warning"),
        (975, 1050, "critical"),
    ]
    assert len(marks["cleanups"]) == 10
    assert marks["ticks"][0] == [0, "0 MiB"]


def test_ten_thousand_tests_stay_below_fifteen_megabytes_whatever_they_are_called():
    long = [r.record(f"tests/{number}.py::test_x[{'<' * 5_000}]") for number in range(300)]

    text = text_of(replace(r.run(), tests=long * 34))

    assert len(text) < 15_000_000
    assert len(parsed(text).data["rows"]) == 10_200


def test_a_page_stays_below_fifteen_megabytes_however_many_tests_have_long_reasons():
    tests = [r.record(f"t.py::test_{number}", "deferred", f"{number}{'<' * 400}") for number in range(14_000)]

    text = text_of(r.run(tests=tests))
    data = parsed(text).data

    assert len(text) < 15_000_000
    assert 5_000 < len(data["rows"]) < 14_000
    assert [data["words"]["reason"][row[11]][:4] for row in data["rows"]] == [
        f"{number}<<<<"[:4] for number in range(len(data["rows"]))
    ]


def test_of_more_tests_than_fit_those_that_are_clean_are_left_out():
    tests = [r.record(f"t.py::test_{number}") for number in range(25_000)]
    tests += [r.record("t.py::test_last", "inconclusive", "it failed")]

    page = page_of(r.run(tests=tests))

    assert "5,000 of the tests, most of them clean, have no row here" in page.seen
    assert page.data["rows"][-1][1] == "test_last"


def test_of_more_findings_than_anybody_reads_the_first_have_cards():
    leaks = [
        replace(r.LEAK, nodeid=f"t.py::test_{number}", witnesses=(), bytes_per_run=number) for number in range(450)
    ]
    page = page_of(r.run(*leaks, tests=[r.record(leak.nodeid, "leak") for leak in leaks]))

    assert len(page.root.all("article")) == 200
    assert "And 250 more findings: all of them are in the JSON report" in page.seen
    assert "And 438 more findings" in page.root.one("section", class_="verdict").text
    assert [row[12] is None for row in page.data["rows"]] == [True] * 250 + [False] * 200


# -- that everybody can read it


@pytest.fixture(params=["five", "clean", "everything", "hostile", "many"], scope="module")
def any_page(request):
    made = {**golden.REPORTS, "five": reports.five(), "clean": reports.clean(), "many": reports.many(400, workers=3)}
    return page_of(made[request.param])


def test_headings_are_in_order_and_links_lead_somewhere(any_page):
    levels = [int(element.tag[1]) for element in any_page.root if re.fullmatch("h[1-6]", element.tag)]
    ids = [element.attributes["id"] for element in any_page.root if "id" in element.attributes]
    links = [element.attributes["href"] for element in any_page.root.all("a")]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))
    assert len(set(ids)) == len(ids)
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_what_is_no_text_has_a_name(any_page):
    root = any_page.root
    ids = {element.attributes.get("id") for element in root}

    for tag in ("main", "header", "footer", "title"):
        assert root.all(tag)
    for element in [*root.all("nav"), *root.all(role="region"), *root.all(role="img"), *root.all("section")]:
        names = (element.attributes.get("aria-labelledby") or "").split()
        assert element.attributes.get("aria-label") or (names and set(names) <= ids), element.attributes
    for field in [*root.all("input"), *root.all("select")]:
        assert field.parent.tag == "label"
        assert field.parent.text.strip()
    assert all(cell.attributes.get("scope") for cell in root.all("th"))
    assert root.one("p", id="test-matches").attributes["aria-live"] == "polite"
    assert root.one("html").attributes["lang"] == "en"
