"""The page of a run: what is on it, that it can be read by everybody, and that nothing of a report is obeyed by it."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need the extra html")
pytest.importorskip("plotly", reason="pages need the extra html")

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.model import Diagnosis, Retainer, RunReport
from pytest_memguard.report import pages, write_report
from pytest_memguard.report.loading import load_report
from pytest_memguard.report.pages import embedding
from pytest_memguard.report.pages.run import page_of_run
from pytest_memguard.report.pages.sheet import sheet
from pytest_memguard.report.text import harmless
from tests import golden, reports
from tests.pages import parsed, source_hash
from tests.unit import reported as r

TEMPLATES = Path(pages.__file__).parent / "templates"
EVIL = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "--></style><style>*{display:none}</style>",
    '" onmouseover="alert(1)" x=\'',
    "' autofocus onfocus=alert(1) '",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for x in y %}&lt;&#60;",
    "\u2028\u2029\u202e\u2066\x00\x1b[31m\x7f\ufeff",
    "\udcff\ud800 lone",
    "a\r\n\t\x0b\x0cb",
    "]]>",
    "https://evil.example/?q=",
)


def text_of(report, root="."):
    return "".join(page_of_run(root)(report))


def page_of(report, root=str(reports.ROOT)):
    return parsed(text_of(report, root))


def hostile(text: str) -> RunReport:
    """A report in which everything that is text is *text*."""
    leak = replace(
        r.LEAK,
        nodeid=f"tests/{text}.py::test[{text}]",
        witnesses=(f"tests/{text}.py::test[{text}]", text),
        kind=text,
        phase=text,
        fixture=text,
        reason=text,
        resources=(text,),
        advice=text,
        rounds=(replace(r.LEAK.rounds[0], metric=text),),
        diagnosis=Diagnosis(
            types=(replace(r.LEAK.diagnosis.types[0], type=text),),
            sites=(replace(r.LEAK.diagnosis.sites[0], file=text, function=text, source=text),),
            retained_at=(replace(r.LEAK.diagnosis.sites[0], file=f"{text}2", function=text, source=text),),
            retainers=(Retainer(path=text, root=text, type=text, steps=(text, text), suspect=0),) * 2,
            component=text,
            signature=text,
            notes=(text,),
        ),
    )
    test = replace(r.record(leak.nodeid, text, text, outcome=text), worker=text)
    collected = replace(r.COLLECTIONS, costliest=(replace(r.COLLECTIONS.costliest[0], nodeid=text),))
    return replace(
        r.run(
            leak,
            replace(leak, gates=False, suppressed_by=text),
            tests=(test, replace(test, nodeid=text, verdict="inconclusive"), r.record(text, "unchecked", text)),
            limits=(replace(r.LIMIT, nodeid=text, origin=text),),
            pressure=(replace(r.PRESSURE, level=text, nodeid=leak.nodeid, limit_source=text, cause=text),),
            cleanups=(
                replace(r.CLEANUP, level=text, trigger=text, nodeid=leak.nodeid),
                replace(r.CLEANUP, refused=text),
            ),
            strategies=(replace(r.FAILS, name=text, level=text, category=text, last_error=text),),
            failures=(replace(r.STOPPED, nodeid=text, reason=text, worker=text),),
            grown=(replace(r.GROWN, nodeid=text, metric=text),),
            accepted=(
                Acceptance(
                    source=text,
                    origin=text,
                    patterns={text: text},
                    reason=text,
                    state=text,
                    first_seen=text,
                    expires=text,
                ),
            ),
            components=(
                replace(
                    r.USAGE, component=text, worker=text, state=text, error=text, limits={text: 1}, grown_most_by=text
                ),
            ),
            warnings=(text,),
            errors=(text,),
            session={
                "started": text,
                "peak_nodeid": text,
                "growth": replace(r.GROWTH, reason=text, first_nodeid=text, last_nodeid=text),
                "collections": collected,
            },
        ),
        version=text,
        environment=replace(
            r.ENVIRONMENT, python=text, platform=text, limit_bytes=1, limit_source=text, probes={text: text}
        ),
    )


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


# -- that nothing of a report is obeyed by it


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_of_a_report_becomes_markup(evil):
    plain = text_of(hostile(re.sub("[^ ]", "x", harmless(evil))))
    text = text_of(hostile(evil))
    page = parsed(text)
    text.encode("utf-8")  # no lone surrogate is left
    assert all(line.isprintable() for line in text.split("\n"))

    def shape(root):
        return [
            (element.tag, sorted(element.attributes)) for element in root if element.tag not in ("wbr", "rect", "path")
        ]

    assert shape(page.root) == shape(parsed(plain).root)
    assert [script.text for script in page.root.all("script") if "id" not in script.attributes] == [
        script.text for script in parsed(plain).root.all("script") if "id" not in script.attributes
    ]
    assert harmless(evil).strip() in page.root.one("script", id="data").text.encode().decode("unicode_escape")


def test_a_name_of_a_hundred_thousand_characters_is_shortened_everywhere():
    assert len(text_of(hostile("x<" * 50_000))) < len(text_of(hostile("plain"))) + 2_000_000


def test_no_script_runs_but_those_of_the_page_and_nothing_is_loaded(five):
    scripts = [script.text for script in five.root.all("script") if "type" not in script.attributes]

    assert five.policy == {
        "default-src": ["'none'"],
        "script-src": [*map(source_hash, scripts), source_hash(five.library)],
        "style-src": ["'unsafe-inline'"],  # plotly.js sets styles
        "img-src": ["data:", "blob:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert "plotly.js" in five.library[:200]
    for element in five.root:
        loading = {"src", "srcset", "style", "action", "formaction", "ping"} | {
            name for name in element.attributes if name.startswith("on")
        }
        assert not loading & set(element.attributes), element.attributes
        assert element.tag not in ("iframe", "object", "embed", "form2", "base", "img")


def test_without_plots_not_even_a_style_is_free():
    page = page_of(r.run())

    assert page.policy["style-src"] == [source_hash(page.root.one("style").text)]
    assert page.root.all("script", id="plot-library") == []


def test_there_is_no_unescaped_way_onto_a_page():
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"\|\s*safe|autoescape|Markup|__html__", path.read_text("utf-8")), path
    package = Path(pages.__file__).parent
    makers = [path.name for path in package.rglob("*.py") if re.search(r"Markup\(", path.read_text("utf-8"))]
    assert makers == ["embedding.py"]
    from pytest_memguard.report.pages.sheet import _environment

    assert _environment().autoescape is True
    assert _environment().from_string("{{ text }}").render(text="<b>\x1b\u202e") == "&lt;b&gt;\\x1b\\u202e"


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_data_is_read_back_as_it_is_shown_and_cannot_end_its_script(value):
    text = str(embedding.as_data(value))

    assert text.isascii()
    assert not set(text) & set("<>&")

    def shown(value):
        if isinstance(value, str):
            return harmless(value)
        if isinstance(value, list):
            return list(map(shown, value))
        return {harmless(key): shown(entry) for key, entry in value.items()} if isinstance(value, dict) else value

    assert json.loads(text) == shown(value)
    assert json.loads(str(embedding.as_data([float("nan"), float("-inf")]))) == [None, None]


@pytest.mark.parametrize("text", ["</SCRIPT >", "a<!--", "<script", "</style", "\r", "\0"])
def test_a_script_that_could_end_too_early_is_no_part_of_a_page(text):
    with pytest.raises(ValueError, match="cannot be part"):
        embedding.as_is(text)


def test_a_page_is_written_as_other_reports_are(tmp_path):
    target = tmp_path / "out.html"

    write_report(target, page_of_run(".")(golden.HOSTILE), setting="the page", origin="here")

    assert target.read_text("utf-8") == text_of(golden.HOSTILE)
    assert list(tmp_path.iterdir()) == [target]


def test_the_frame_serves_other_pages_too(tmp_path):
    (text,) = ["".join(sheet("base.html", data={"rows": []}, scripts=(), plots=True))]

    page = parsed(text)

    assert page.data == {"rows": []}
    assert "plotly.js" in page.library[:200]
