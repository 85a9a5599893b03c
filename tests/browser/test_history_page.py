"""The page of a history in a browser: what has changed is seen first, everything else is found."""

from __future__ import annotations

import pytest

from benchmarks.made import nodeid
from benchmarks.made_history import CREEPS, FELL, NEW, ROSE

pytest.importorskip("jinja2", reason="Jinja2 is not installed (extra `html`)")
pytest.importorskip("plotly", reason="plotly is not installed (extra `html`)")

from tests.browser.pages import EVIL, history, hostile_trends, many, trends
from tests.browser.visit import FOREIGN, count, looks

MOST_BYTES = 15_000_000
ROW = "#test-table tbody tr"
A4 = 794
LIVE = "#runs-plot.is-live"
OPENED = "tr.opened figure.is-live"


@pytest.fixture(scope="package")
def shown(tmp_path_factory):
    """What thirty runs of forty tests show."""
    return trends(tmp_path_factory.mktemp("runs"), runs=30, tests=40)


@pytest.fixture(scope="package")
def page_file(tmp_path_factory, shown):
    """The page of these."""
    return history(tmp_path_factory.mktemp("page"), shown)


def test_what_has_changed_comes_first_with_the_commit_that_began_it_and_nothing_is_out_of_order(
    visit, axe, page_file, shown
):
    page = visit(page_file)
    text = page.page.get_by_role("banner").inner_text()
    assert "Run 30: 1 leak, 1 test above what is usual, 1 test growing slowly" in text
    assert f"{nodeid(ROSE)}\n" in text
    assert f"since run 29 (2026-01-10, commit {shown.runs[28].commit[:7]})" in text
    assert page.texts("#leaks .badge") == ["open", "accepted", "gone"]
    first = page.texts(f"{ROW} .opens")[:4]
    assert first[:2] == [nodeid(ROSE), nodeid(FELL)]
    assert nodeid(CREEPS) in first

    page.page.wait_for_selector(LIVE)
    assert page.folded_on_paper() == 0
    page.unfold()
    page.page.get_by_role("button", name=nodeid(CREEPS)).click()
    page.page.wait_for_selector(OPENED)
    assert looks(page, axe) == {}
    page.page.emulate_media(media="print", color_scheme="dark")
    page.look(A4, "dark")
    assert page.problems() == {}
    assert page.page.get_by_role("button", name=nodeid(CREEPS)).is_visible()


def test_the_tests_are_sorted_searched_and_opened_by_keys_alone(visit, page_file):
    page = visit(page_file)
    page.tab_to("input")
    page.page.keyboard.type(f"CATALOGUE case_{ROSE}")
    count(page, 3)
    page.tab_to(f"button {nodeid(ROSE)}")
    page.press("Enter")
    page.page.wait_for_selector(OPENED)
    opened = page.page.locator("tr.opened")
    assert "clean, passed in run 30" in opened.inner_text()
    assert "thread leak +1 per run, in 9 runs, last in run 9" in opened.inner_text()
    page.press("Enter")
    assert opened.count() == 0

    page.page.get_by_role("searchbox").fill("")
    count(page, 40)
    retained = page.page.locator("th[data-sort=retained]")
    retained.get_by_role("button").click()
    assert retained.get_attribute("aria-sort") == "descending"
    assert page.texts(f"{ROW} .opens")[0] == nodeid(CREEPS)
    page.page.locator("th[data-sort=name]").get_by_role("button").click()
    names = page.texts(f"{ROW} .opens")
    assert names[0].startswith("tests/cart/")
    assert nodeid(NEW) in names


def test_without_scripts_all_is_to_be_read(visit, page_file):
    page = visit(page_file, javascript=False)
    text = page.page.locator("body").inner_text()
    assert "+43." in text
    assert all(nodeid(number) in text for number in (0, ROSE, CREEPS, FELL, NEW))
    assert page.page.locator("#runs svg path.curve").is_visible()


def test_what_is_in_names_does_nothing(visit, shown, tmp_path):
    page = visit(history(tmp_path, hostile_trends(shown)))
    page.page.wait_for_selector(LIVE)
    page.unfold()
    page.page.locator(".opens").first.click()
    page.page.wait_for_selector(OPENED)

    assert page.page.locator(FOREIGN).count() == 0
    assert not set("\u202e\u2066\u2028\x1b\0") & set(page.page.content())
    assert "<script>alert(1)</script>" in page.page.locator("body").inner_text()
    assert looks(page, schemes=["light"]) == {}
    for evil in EVIL[:5]:
        page.page.get_by_role("searchbox").fill(evil)
        count(page, 1)


def test_ten_thousand_tests_of_a_hundred_runs(visit, tmp_path):
    some = trends(tmp_path, runs=4, tests=10_000)
    file = history(tmp_path, many(some, runs=100))
    assert file.stat().st_size < MOST_BYTES
    page = visit(file)
    page.page.wait_for_selector(LIVE)
    assert page.page.locator(ROW).count() == 50
    page.page.get_by_role("searchbox").fill("test_case_9999")
    count(page, 1)
    page.page.locator(".opens").click()
    page.page.wait_for_selector(OPENED)
    assert page.problems() == {}
