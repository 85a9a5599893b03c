"""The HTML report in a browser: it opens, looks as it should, and does what a reader wants of it."""

from __future__ import annotations

import pytest

from benchmarks.made import nodeid, report

pytest.importorskip("jinja2", reason="Jinja2 is not installed (extra `html`)")
pytest.importorskip("plotly", reason="plotly is not installed (extra `html`)")

from tests.browser.pages import EVIL, hostile_run, run_page
from tests.browser.visit import FOREIGN, count, looks

MOST_BYTES = 15_000_000
ROW = "#test-table tbody tr"
LIVE = "#memory-plot.is-live"
A4 = 794


@pytest.fixture(scope="package")
def small(tmp_path_factory):
    """The page of a run of five tests that had everything."""
    return run_page(tmp_path_factory.mktemp("small"), report(5))


@pytest.fixture(scope="package")
def large(tmp_path_factory):
    """.. and of ten thousand."""
    return run_page(tmp_path_factory.mktemp("large"), report(10_000))


def test_a_stranger_sees_the_leak_its_line_and_its_holder_at_once_and_nothing_is_out_of_order(visit, axe, small):
    page = visit(small)
    first = page.page.get_by_role("banner").inner_text()
    for words in ("3 leaks", nodeid(0), "+1.0 MiB per run", "shop/cart.py:41", "shop.cart._ORDERS"):
        assert words in first
    glance = page.page.locator(".glances li").first.bounding_box()
    assert glance["y"] + glance["height"] < 900

    page.page.wait_for_selector(LIVE)
    assert page.folded_on_paper() == 0
    page.unfold()
    assert looks(page, axe) == {}
    page.page.emulate_media(media="print", color_scheme="dark")
    page.look(A4, "dark")
    assert page.problems(axe, rules=("color-contrast",)) == {}
    assert page.tell("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.texts("#test-table th") == ["test", "verdict", "peak", "above start", "retained", "time"]
    assert not page.page.get_by_role("button", name="Copy the command").first.is_visible()


def test_ten_thousand_tests_are_sorted_and_searched(visit, large):
    assert large.stat().st_size < MOST_BYTES
    page = visit(large)
    heads = page.page.locator("#test-table th")
    sorts = page.page.get_by_role("columnheader").get_by_role("button")
    assert page.page.locator(ROW).count() == 50

    sorts.filter(has_text="peak").click()
    assert heads.nth(2).get_attribute("aria-sort") == "descending"
    figures = page.texts(f"{ROW} td:nth-child(3)")
    assert float(figures[0].split()[0]) >= float(figures[40].split()[0])
    sorts.filter(has_text="peak").click()
    assert heads.nth(2).get_attribute("aria-sort") == "ascending"
    assert page.texts(f"{ROW} td:nth-child(3)")[0] != figures[0]

    page.page.get_by_role("searchbox").fill("TEST_CASE_9999")
    count(page, 1)
    assert page.texts(f"{ROW} td:first-child") == [nodeid(9999)]
    page.page.get_by_role("searchbox").fill("no such test")
    count(page, 0)
    assert page.page.locator(ROW).count() == 0
    page.page.get_by_role("searchbox").fill("")
    count(page, 10_000)
    page.page.get_by_role("combobox").select_option("leak")
    count(page, 3)
    page.page.get_by_role("combobox").select_option("")
    page.page.get_by_role("button", name="Next").click()
    assert "Page 2 of 200" in page.page.locator("#test-pages").inner_text()
    page.page.wait_for_selector(LIVE)
    assert looks(page, schemes=["light"]) == {}


def test_the_keyboard_is_enough(visit, small):
    page = visit(small)
    page.press("Tab")
    assert page.focused() == "a Skip to the content"
    page.press("Enter")
    assert page.focused().startswith("main")
    page.tab_to("summary 3 other tests")
    page.press("Enter")
    assert page.page.get_by_text(nodeid(27)).is_visible()
    page.tab_to("button Copy the command")
    page.press("Enter")
    page.tab_to("input")
    page.press("Control+V")
    assert page.page.get_by_role("searchbox").input_value() == f'pytest --memguard "{nodeid(0)}"'
    page.press("Control+A", "Delete")
    count(page, 5)
    page.tab_to("select")
    page.press("ArrowDown")
    count(page, 3)
    page.tab_to("button peak")
    page.press("Space")
    assert page.page.locator("th[aria-sort=descending]").inner_text().startswith("peak")


def test_without_scripts_the_findings_are_there_to_be_read(visit, small, large):
    page = visit(small, javascript=False)
    text = page.page.locator("body").inner_text()

    for words in ("3 leaks", "shop/cart.py:41", "_ORDERS.append(order)", "shop.cart._ORDERS", nodeid(4), "What to do:"):
        assert words in text
    assert page.page.locator("#memory svg path.curve").is_visible()
    rest = visit(large, javascript=False).page.locator("#tests").inner_text()
    assert "200 of 10,000 tests" in rest


def test_what_is_in_names_does_nothing(visit, tmp_path):
    made = hostile_run()
    page = visit(run_page(tmp_path, made))
    page.page.wait_for_selector(LIVE)
    page.unfold()

    assert page.page.locator(FOREIGN).count() == 0
    shown = page.page.locator("body").inner_text()
    assert "<script>alert(1)</script>" in shown
    assert not set("\u202e\u2066\u2028\x1b\0") & set(page.page.content())
    for evil in EVIL[:6]:
        page.page.get_by_role("searchbox").fill(evil.split("\u2028")[0])
        count(page, 1)
    page.page.get_by_role("searchbox").fill("")
    count(page, len(made.tests))
    assert looks(page, schemes=["light"]) == {}
