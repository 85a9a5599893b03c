"""What the tests of pages go by notices what is wrong."""

from __future__ import annotations

from benchmarks.browser import opened
from tests.browser.visit import Visit

PAGE = """<!doctype html><title>wrong</title>
<style>
  .wide { width: 3000px } .up { margin-top: -2.2em } .cut { width: 4em; overflow: hidden; white-space: nowrap }
  button { width: 3em; white-space: nowrap; padding: 0 }
</style>
<p class="wide">wide</p><p>one text</p><p class="up">another text</p><div class="cut">what does not fit</div>
<button>more than it holds</button><img src="http://127.0.0.1:9/picture.png">
<script>console.error("broken"); alert("hello"); undefined.name</script>"""


def test_everything_that_is_wrong_with_a_page_is_noticed(browser, tmp_path):
    file = tmp_path / "wrong.html"
    file.write_text(PAGE, "utf-8")
    with opened(browser) as page:
        visit = Visit(page, file.as_uri())
        visit.settle()
        faults, problems = "\n".join(visit.faults), visit.problems()

    for fault in ("console error: broken", "dialog: hello", "request: http://127.0.0.1:9/picture.png", "error: "):
        assert fault in faults
    assert set(problems) == {"cut", "overlapping", "spilling", "tooWide"}
