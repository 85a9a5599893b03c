"""What benchmarks write into a page stands between the comments that name it; the rest of the page stays."""

from __future__ import annotations

import pytest

from benchmarks.pages import markdown, replace
from benchmarks.places import BenchmarkError


def test_only_what_is_between_the_comments_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin cost -->\nold\n<!-- end cost -->\nafter\n", "utf-8")

    replace(page, "cost", "new")
    replace(page, "cost", "newer")

    assert page.read_text("utf-8") == "before\n<!-- begin cost -->\n\nnewer\n\n<!-- end cost -->\nafter\n"


def test_a_page_without_the_place_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin cost -->\n", "utf-8")

    with pytest.raises(BenchmarkError, match="begin cost"):
        replace(page, "cost", "new")
    assert page.read_text("utf-8") == "<!-- begin cost -->\n"


def test_a_bar_in_a_cell_does_not_end_it():
    assert markdown(["a", "b"], [["1|2", "3"]]).splitlines()[-1] == r"| 1\|2 | 3 |"
