"""``memguard history --html``: what is on the page, how it is packed, what is refused."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import pytest

from pytest_memguard.cli import main
from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.revision import Revision
from pytest_memguard.history.trends import trends_of
from pytest_memguard.history.values import Track
from tests.unit.history_lab import BIG, MAIN, MIB, measured, report, write
from tests.unit.reported import LEAK

pytest.importorskip("jinja2", reason="Jinja2 is not installed (extra `html`)")
pytest.importorskip("plotly", reason="plotly is not installed (extra `html`)")

from pytest_memguard.report.pages.history import headline, history_page
from pytest_memguard.report.pages.tracks import ALPHABET, most_changed, packed_series, rows_of

SMALL = "tests/test_small.py::test_small"
STEPS = len(ALPHABET) ** 2 - 2


def unpacked(text, lowest, highest):
    """As the script of the page does it."""
    values = [ALPHABET.index(text[place]) * 64 + ALPHABET.index(text[place + 1]) for place in range(0, len(text), 2)]
    return [None if value > STEPS else round(lowest + value / STEPS * (highest - lowest)) for value in values]


def track(nodeid, peaks, last=None):
    return Track(
        nodeid=nodeid,
        peak_bytes=peaks,
        retained_bytes=[None] * len(peaks),
        outcome="passed",
        verdict="clean",
        last=len(peaks) - 1 if last is None else last,
    )


def test_a_series_is_packed_to_what_a_screen_can_show():
    series = [0, 4094, 17, None, 2000]
    assert unpacked(packed_series(series, 0, 4094), 0, 4094) == series
    huge = [-(2**62), None, 2**62]
    low, middle, high = unpacked(packed_series(huge, -(2**62), 2**62), -(2**62), 2**62)
    assert (low, middle, high) == (huge[0], None, huge[2])
    assert packed_series([7, 7, 7], 7, 7) == ""
    assert packed_series([None], None, None) == ""
    assert unpacked(packed_series([7, None], 7, 7), 7, 7) == [7, None]


def test_what_has_changed_most_comes_first_and_what_is_gone_last():
    still, up, down = track("still", [5, 5, 5]), track("up", [5, 5, 9]), track("down", [50, 50, 1])
    gone = track("gone", [900, 1, None], last=1)
    ordered = most_changed([still, gone, up, down], 2)

    assert [each.nodeid for each in ordered] == ["down", "up", "still", "gone"]
    rows = rows_of(ordered, runs=3)
    assert (rows.words, rows.left_out) == (["clean", "passed"], 0)
    assert rows.rows[1] == ["up", 0, 1, 2, None, None, None, None, "", 9, 4, 5, 9, packed_series([5, 5, 9], 5, 9)]


def test_a_page_does_not_grow_without_end():
    many = [track(f"t.py::test[{'x' * 4000}{number}]", [number, None]) for number in range(30_000)]
    rows = rows_of(many, runs=100)

    assert rows.left_out == 5000
    assert len(json.dumps(rows.rows)) < 8_000_000
    assert len(rows_of(many[:200], runs=10**6).rows) == 100


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A history of twelve runs: one test is above what is usual since the last but one."""
    for number in range(12):
        grown = number > 9
        big = measured(peak=(60 if grown else 20) * MIB, start=(150 if grown else 100) * MIB)
        leaks = (replace(LEAK, nodeid=BIG),) if number > 4 else ()
        started = f"2026-01-{number + 1:02}T12:00:00+00:00"
        commit = Revision(commit=f"{number:x}" * 40, branch="main")
        write(
            tmp_path / "runs.db",
            report(big, measured(SMALL, peak=4096), leaks=leaks, started=started),
            revision=commit,
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def history(project, capsys):
    def command(*arguments):
        status = main(["history", "--file", "runs.db", *arguments])
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


def text_of(page):
    """What a page says, without its scripts and tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_page_says_what_rose_since_which_commit(history, project):
    status, out, err = history("--html", "page.html")
    page = text_of((project / "page.html").read_text("utf-8"))

    title = "Run 12: 1 leak, 1 test above what is usual"
    assert (status, out, err) == (0, f"page.html: {title}\n", "")
    for words in (
        title,
        "Compared with 11 runs before it that are alike: Python 3.11.7 on linux x86_64",
        "branch main.",
        "60.0 MiB, usually 20.0 MiB (10 runs: 20.0 MiB to 60.0 MiB)",
        "since run 11 (2026-01-11, commit aaaaaaa)",
        "python leak +1.0 MiB per run",
        "in 7 runs, since run 6 (2026-01-06, commit 5555555)",
        "12 runs of the file, the newest first",
    ):
        assert words in page
    assert history("--html", "page.html", "--limit", "1")[1] == "page.html: Run 12: 1 leak\n"
    assert "To tell what is usual takes 5 earlier runs." in text_of((project / "page.html").read_text("utf-8"))


def test_a_page_to_standard_output_is_the_page_alone(history, project):
    status, _, err = history("--html", "/dev/null")
    assert (status, err) == (0, "")


def test_what_cannot_become_a_page_is_refused(history, project, monkeypatch):
    assert "makes a page of all tests, not of 'test_big' alone" in history("test_big", "--html", "x.html")[2]
    assert "would take the place of the history runs.db" in history("--html", "runs.db")[2]
    assert "there is no directory" in history("--html", "nowhere/x.html")[2]
    (project / "old.html").touch()
    assert "none.db" in history("--file", "none.db", "--html", "old.html")[2]
    with pytest.raises(SystemExit):
        history("--html", "x.html", "--json")

    monkeypatch.setitem(sys.modules, "plotly", None)  # as if it were not installed
    status, _, err = history("--html", "x.html")
    assert status == 1
    assert 'plotly is missing\n  install what it needs: pip install "pytest-memguard[html]"' in err
    assert not (project / "x.html").exists()


def test_a_history_of_one_run_of_which_little_is_known(tmp_path):
    path = tmp_path / "runs.db"
    write(path, report(measured(start=None), peak_rss_bytes=None, duration_s=float("nan")), revision=Revision())
    with open_past(str(path)) as past:
        shown = trends_of(past, limit=100, usual_runs=10, tolerance=Tolerance(bytes=4 * MIB, share=0.2))
    page = text_of("".join(history_page(shown, name="runs.db", version="1")))

    assert headline(shown) == "Run 1 has no leak"
    assert "no branch known" in page
    assert "The memory of these runs is not known." in page


def test_other_runs_of_the_file_are_listed_and_not_compared(project):
    write(project / "runs.db", report(measured()), revision=replace(MAIN, branch="b" * 100))
    with open_past(str(project / "runs.db")) as past:
        shown = trends_of(past, limit=5, usual_runs=10, tolerance=Tolerance(bytes=4 * MIB, share=0.2))
    assert "all branches" in text_of("".join(history_page(shown, name="runs.db", version="1")))
