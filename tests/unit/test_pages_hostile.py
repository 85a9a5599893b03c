"""Nothing of a report is obeyed by its page, whatever it holds; and no script runs there but those of the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need the extra html")
pytest.importorskip("plotly", reason="pages need the extra html")

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_memguard.report import pages, write_report
from pytest_memguard.report.pages import embedding
from pytest_memguard.report.pages.run import page_of_run
from pytest_memguard.report.pages.sheet import sheet
from pytest_memguard.report.text import harmless
from tests import golden, reports
from tests.pages import parsed, source_hash
from tests.unit import reported as r

TEMPLATES = Path(pages.__file__).parent / "templates"


def text_of(report):
    return "".join(page_of_run(".")(report))


@pytest.mark.parametrize("evil", reports.EVIL)
def test_no_text_of_a_report_becomes_markup(evil):
    plain = text_of(reports.hostile(re.sub("[^ ]", "x", harmless(evil))))
    text = text_of(reports.hostile(evil))
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
    assert len(text_of(reports.hostile("x<" * 50_000))) < len(text_of(reports.hostile("plain"))) + 2_000_000


def test_no_script_runs_but_those_of_the_page_and_nothing_is_loaded():
    five = parsed(text_of(reports.five()))
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
    page = parsed(text_of(r.run()))

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
