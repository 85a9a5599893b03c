"""The page of a run as a user gets it: by option and ini, with workers, of a JSON report, of shards; and where not."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("jinja2", reason="pages need the extra html")
pytest.importorskip("plotly", reason="pages need the extra html")

from tests import how_to
from tests.pages import parsed
from tests.readme import README, ROOT, block

PAGE = ROOT / "docs" / "how-to" / "html.md"
# As if the packages of the extra were not installed.
WITHOUT = """
    import sys

    sys.modules.update(dict.fromkeys(("jinja2", "plotly")))
"""


def page(path):
    return parsed(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The README's test after a run with both reports."""
    where = tmp_path_factory.mktemp("page")
    (where / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (where / "test_cart.py").write_text(block(README, "the test"), "utf-8")
    assert how_to.run(where, "--memguard-html=memguard.html", "--memguard-json=report.json")[0] == 1
    return where


def test_the_page_begins_as_the_how_to_says(folder):
    seen = page(folder / "memguard.html").seen

    place = 0
    for line in block(PAGE, "the beginning").splitlines():
        place = seen.find(line, place)
        assert place >= 0, line


def test_the_page_has_the_source_and_the_path(folder):
    (card,) = page(folder / "memguard.html").root.all("article")
    source = card.all("ol", class_="source")[0]

    assert [line.one("code").text for line in source.all("li") if line.attributes.get("class")] == [
        "    order = Order(items)",
        "    _orders.append(order)",
    ]
    assert card.one("li", class_="guilty").one("strong").text == "test_cart._orders"


def test_it_can_be_made_again_of_the_json_report_and_of_shards(folder):
    shutil.copy(folder / "report.json", folder / "shard-1.json")
    other = json.loads((folder / "report.json").read_text("utf-8"))
    (folder / "shard-2.json").write_text(json.dumps(other), "utf-8")  # another file with the same test

    commands = [line.split()[2:] for line in block(PAGE, "later").splitlines() if line.startswith("$ memguard")]
    output = [how_to.memguard(folder, *command) for command in commands]

    assert "".join(output) == block(PAGE, "later")
    made, again, merged = (page(folder / name) for name in ("memguard.html", "run.html", "all.html"))
    assert again.seen == made.seen
    assert len(merged.root.all("article")) == 1


def test_with_workers_and_from_the_ini_file(suite):
    suite.write("pytest.ini", "[pytest]\nmemguard = true\nmemguard_html = made/out.html\n")
    suite.write("made/out.html", "of the last run")
    suite.write(
        "test_html.py",
        """
        import sys

        import pytest

        kept = []

        @pytest.mark.parametrize("value", ["</script><script>alert(1)</script>", "\\u202e", "plain"])
        def test_kept(value):
            kept.append(object())
            assert "pytest_memguard.report.pages.sheet" not in sys.modules  # in a worker
        """,
    )

    ran = suite.run("-n2", "--memguard-budget=unlimited")

    assert ran.quiet, ran.out
    assert ran.code == 1
    made = page(suite.path / "made" / "out.html")
    assert [len(made.data["rows"]), set(made.data["words"]["worker"])] == [3, {"gw0", "gw1"}]
    assert len(made.root.all("article")) == len(ran.leaks) == 1


def test_what_cannot_be_made_is_refused_before_the_first_test(suite):
    suite.write("without.py", WITHOUT)
    suite.write("test_html.py", "def test_one(): print('it ran')")

    # pytest-html, where it is installed, needs Jinja2, too.
    missing = suite.run("-p", "without", "-p", "no:html", "--memguard-html=out.html", "-s")
    nowhere = suite.run("--memguard-html=no/out.html", "-s")

    assert [missing.code, nowhere.code] == [4, 4]
    assert block(PAGE, "the refusal") in missing.out
    assert "cannot write the HTML report 'no/out.html' from the command line: there is no directory" in nowhere.out
    assert "it ran" not in missing.out + nowhere.out
    assert not (suite.path / "out.html").exists()


def test_a_folder_that_a_test_takes_away_is_made_again_for_the_page(suite):
    suite.write("made/keep", "")
    suite.write(
        "test_html.py",
        """
        import shutil, sys

        def test_takes_it():
            shutil.rmtree("made")

        def test_without_a_page_nothing_of_it_is_loaded():
            assert "plotly" not in sys.modules
        """,
    )

    ran = suite.run("--memguard-html=made/out.html", "--memguard-confirm=none")

    assert ran.code == 0, ran.out
    assert ran.outcomes == {"passed": 2}
    assert "cannot write" not in ran.out
    assert (suite.path / "made" / "out.html").is_file()
