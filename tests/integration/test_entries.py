"""A leak is a failing entry of its test: everywhere where pytest and its plugins look at failures."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import xml.etree.ElementTree as ET

import pytest

from pytest_memguard.report.text import shell_quoted

# What plugin.py does with the findings, without looking for any: each test whose name says so is reported.
CONFTEST = """
import pytest
from pytest_memguard import entries
from pytest_memguard.model import (
    AllocationSite, Diagnosis, Finding, LimitExceeded, Retainer, RoundSeries, TypeGrowth,
)

LOCATIONS = {}
OUTCOMES = {}

def leak(nodeid, line=41, **changes):
    diagnosis = Diagnosis(
        types=(TypeGrowth(type="shop.cart.Order", count=10, bytes=480),),
        sites=(AllocationSite(file="shop/cart.py", line=line, function="checkout", bytes=1048576, count=10,
                              source="_ORDERS.append(Order())"),),
        retainers=(Retainer(path="shop.cart._ORDERS[*]", root="shop.cart._ORDERS", type="shop.cart.Order",
                            steps=("shop.cart._ORDERS (list)", "[*] shop.cart.Order"), suspect=0),),
        component="shop.cart", signature="3fa9c1d2",
    )
    values = dict(
        nodeid=nodeid, witnesses=(nodeid,), kind="python", verdict="leak", gates=True, reason=None, severity="high",
        phase="call", fixture=None, bytes_per_run=1048576, blocks_per_run=30, count_per_run=0,
        rounds=(RoundSeries(metric="blocks", deltas=(30,) * 5),), confidence=0.99, diagnosis=diagnosis,
    )
    return Finding(**{**values, **changes})

def found():
    for nodeid in OUTCOMES:
        if "leaky" in nodeid:
            yield leak(nodeid)
        if "twice" in nodeid:
            yield leak(nodeid, line=77)
        if "hungry" in nodeid:
            yield LimitExceeded(nodeid=nodeid, limit_bytes=50 * 2**20, peak_growth_bytes=80 * 2**20,
                                origin="@pytest.mark.memguard(limit='50 MiB')")
    users = tuple(nodeid for nodeid in OUTCOMES if "user" in nodeid)
    if users:
        yield leak("fixture:db", witnesses=users, fixture="db", phase="setup")

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if report.when == "call" and not hasattr(report, "memguard_word"):
        LOCATIONS[report.nodeid] = report.location
        OUTCOMES[report.nodeid] = report.outcome

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    result = yield
    config = session.config
    if not hasattr(config, "workerinput"):
        position = {nodeid: index for index, nodeid in enumerate(OUTCOMES)}
        ordered = entries.in_order(found(), position=position, stepwise=bool(config.getoption("stepwise", False)))
        for entry in ordered:
            known = None if config.getoption("verbose") else LOCATIONS
            reports = entries.failing_reports(entry, locations=known, tbstyle=config.getoption("tbstyle"))
            entries.log(config, reports)
    return result
"""

SUITE = """
def test_clean(): pass
def test_leaky_checkout(): print("out of the test")
def test_other(): pass
def test_last(): pass
"""


@pytest.fixture(params=["alone", "xdist"])
def how(request):
    """The arguments for a run in one process, and for one with two workers."""
    if request.param == "alone":
        return []
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    return ["-n2"]


@pytest.fixture
def suite(pytester):
    """A suite of four passing tests, one of which is said to leak."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_cart=SUITE)
    return pytester


def test_the_leak_is_counted_and_the_test_keeps_its_outcome(suite, how):
    result = suite.runpytest(*how)

    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_short_summary_says_leak_with_size_and_site(suite, how, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    result = suite.runpytest(*how)

    result.stdout.fnmatch_lines(
        [
            "LEAK test_cart.py::test_leaky_checkout - +1.0 MiB per run, shop/cart.py:41, kept by shop.cart._ORDERS*",
            "=* 1 failed, 4 passed in *=",
        ]
    )


def test_no_letter_is_printed_after_the_run(suite):
    lines = suite.runpytest().outlines
    progress = [entry for entry in lines if entry.startswith("test_cart.py")]

    assert [entry.split() for entry in progress] == [["test_cart.py", "....", "[100%]"]]


def test_no_line_is_printed_after_the_run_with_v(suite, how):
    lines = suite.runpytest("-v", *how).outlines
    end = next(index for index, entry in enumerate(lines) if "FAILURES" in entry)

    assert not [entry for entry in lines[:end] if "LEAK" in entry or "FAILED" in entry]


def test_the_failure_shows_the_evidence_and_the_guilty_reference(suite):
    result = suite.runpytest()

    result.stdout.fnmatch_lines(
        [
            "=* FAILURES *=",
            "_* test_leaky_checkout *_",
            "python leak confirmed: +1.0 MiB per run in 5 of 5 runs (confidence 0.99)",
            "  round      blocks",
            "  1             +30",
            "  allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order())",
            "  kept by    shop.cart._ORDERS (list)",
            "             ~~~~~~~~~~~~~~~~~",
            "             -> [[]*] shop.cart.Order",
            '  repeat     pytest --memguard "test_cart.py::test_leaky_checkout"',
        ]
    )


def test_junit_has_one_more_case_with_message_text_and_properties(suite, how):
    suite.runpytest("--junit-xml=junit.xml", *how)

    (run,) = ET.parse(suite.path / "junit.xml").getroot()  # noqa: S314 - written by the line above
    assert {name: run.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    (case,) = [case for case in run if case.find("failure") is not None]
    assert (case.get("classname"), case.get("name")) == ("test_cart", "test_leaky_checkout")
    failure = case.find("failure")
    assert failure.get("message") == ("+1.0 MiB per run, shop/cart.py:41, kept by shop.cart._ORDERS[*] [3fa9c1]")
    assert "python leak confirmed" in failure.text
    properties = {entry.get("name"): entry.get("value") for entry in case.find("properties")}
    assert properties["memguard.site"] == "shop/cart.py:41"
    assert properties["memguard.retainer"] == "shop.cart._ORDERS[*]"
    assert properties["memguard.bytes_per_run"] == "1048576"
    assert properties["memguard.signature"] == "3fa9c1d2"
    passing = [case for case in run if case.find("failure") is None]
    assert sorted(case.get("name") for case in passing) == [
        "test_clean",
        "test_last",
        "test_leaky_checkout",
        "test_other",
    ]


def test_lf_runs_exactly_the_leaking_test_next_time(suite, how):
    suite.runpytest(*how)

    again = suite.runpytest("--lf", *how)

    again.assert_outcomes(passed=1, failed=1)
    assert "test_leaky_checkout" in (suite.path / ".pytest_cache/v/cache/lastfailed").read_text()


def test_ff_runs_the_leaking_test_first(suite):
    suite.runpytest()

    lines = suite.runpytest("--ff", "-v").outlines

    assert next(entry for entry in lines if "PASSED" in entry).startswith("test_cart.py::test_leaky_checkout")


def test_sw_continues_at_the_first_of_several_leaks(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_cart="def test_a(): pass\ndef test_leaky_b(): pass\ndef test_c(): pass\ndef test_leaky_d(): pass\n"
    )
    pytester.runpytest("--sw").assert_outcomes(passed=4, failed=2)

    again = pytester.runpytest("--sw")

    again.assert_outcomes(passed=3, failed=2, deselected=1)


@pytest.mark.parametrize(
    "args",
    [
        ["-rA"],
        ["--tb=no"],
        ["--tb=line"],
        ["--tb=short"],
        ["--tb=native"],
        ["-vv"],
        ["--durations=5", "--durations-min=0"],
        ["--no-header", "--no-summary"],
        ["--color=yes"],
        ["-x"],
        ["--maxfail=1"],
        ["-p", "no:cacheprovider"],
        ["--show-capture=all"],
        ["-s"],
    ],
    ids=" ".join,
)
def test_the_entry_gets_along_with(suite, args):
    result = suite.runpytest(*args)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 4, "failed": 1}
    assert "INTERNALERROR" not in result.stdout.str()


def test_q_says_it_in_the_last_line(suite):
    assert suite.runpytest("-q").outlines[-1].startswith("1 failed, 4 passed in ")


def test_ra_shows_the_test_as_passed_and_as_a_leak(suite):
    result = suite.runpytest("-rA")

    result.stdout.fnmatch_lines_random(
        ["PASSED test_cart.py::test_leaky_checkout", "LEAK test_cart.py::test_leaky_checkout - *"]
    )


def test_tb_line_gives_one_line(suite):
    lines = suite.runpytest("--tb=line").outlines
    start = next(index for index, entry in enumerate(lines) if "FAILURES" in entry)

    assert lines[start + 1].startswith("shop/cart.py:41: +1.0 MiB per run")
    assert "short test summary" in lines[start + 2]


def test_colors_come_with_color_only(suite):
    plain, colored = suite.runpytest("--color=no"), suite.runpytest("--color=yes")

    assert "\x1b[" not in plain.stdout.str()
    assert "\x1b[31m\x1b[1mpython leak confirmed" in colored.stdout.str()


def test_a_test_can_leak_in_two_places(pytester, how):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_cart="def test_leaky_twice(): pass\n")

    result = pytester.runpytest("--junit-xml=junit.xml", *how)

    result.assert_outcomes(passed=1, failed=2)
    (run,) = ET.parse(pytester.path / "junit.xml").getroot()  # noqa: S314 - written by the line above
    assert [case.find("failure") is not None for case in run].count(True) == 2


def test_a_leaking_fixture_fails_the_first_test_that_uses_it(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_db="def test_a(): pass\ndef test_user_b(): pass\ndef test_user_c(): pass\n")

    result = pytester.runpytest()

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "  test       fixture:db",
            "  phase      setup of fixture db",
            "  also seen  in 2 other tests: test_db.py::test_user_b, test_db.py::test_user_c",
            '  repeat     pytest --memguard "test_db.py::test_user_b"',
            "LEAK test_db.py::test_user_b - *",
        ]
    )


def test_an_exceeded_limit_is_a_failing_entry_too(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_img="def test_hungry(): pass\n")

    result = pytester.runpytest("--junit-xml=junit.xml")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "memory limit exceeded: peak +80.0 MiB, limit 50.0 MiB",
            "  set by     @pytest.mark.memguard(limit='50 MiB')",
            "LIMIT test_img.py::test_hungry - peak +80.0 MiB, limit 50.0 MiB from @pytest.mark.memguard(limit='50 M*",
        ]
    )
    names = {entry.get("name") for entry in ET.parse(pytester.path / "junit.xml").iter("property")}  # noqa: S314
    assert names == {"memguard.limit_bytes", "memguard.peak_growth_bytes", "memguard.limit_origin"}


HOSTILE = r"""
import pytest
@pytest.mark.parametrize("x", ["a b", "it's", "]::[", "\x1b[31mred", "two\nlines", "\u202egnp", "$(id)`"])
def test_leaky(x): pass
"""


def test_hostile_ids_reach_no_output_raw_and_still_rerun(pytester, how):
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n")
    pytester.makepyfile(test_ids=HOSTILE)

    result = pytester.runpytest("--junit-xml=junit.xml", *how)

    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == outcomes["passed"] >= 7
    start = next(index for index, entry in enumerate(result.outlines) if "FAILURES" in entry)
    ours = [entry for entry in result.outlines[start:] if entry.startswith("  ")]
    assert ours
    assert all(entry.isprintable() for entry in ours)
    assert pytester.runpytest("--lf", *how).parseoutcomes()["failed"] == outcomes["failed"]


SENDER = """
import json

def pytest_configure(config):
    config.pluginmanager.register(Sender(config))

class Sender:
    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        back = self.config.hook.pytest_report_from_serializable(config=self.config, data=json.loads(json.dumps(data)))
        assert (back.nodeid, back.when, back.outcome) == (report.nodeid, report.when, report.outcome)
        if report.failed:
            assert "python leak confirmed" in back.longreprtext
"""


def test_the_reports_can_be_sent_and_stored(suite):
    suite.makepyfile(sender=SENDER)
    suite.syspathinsert()

    suite.runpytest("-p", "sender").assert_outcomes(passed=4, failed=1)


@pytest.mark.parametrize(
    ("module", "args", "file"),
    [
        ("pytest_reportlog", ["--report-log=out"], "out"),
        ("pytest_html", ["--html=out.html", "--self-contained-html"], "out.html"),
        ("pytest_jsonreport", ["--json-report", "--json-report-file=out.json"], "out.json"),
    ],
)
def test_other_reports_have_the_leak(suite, how, module, args, file):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")

    suite.runpytest(*args, "-W", "ignore", *how).assert_outcomes(passed=4, failed=1)

    assert "python leak confirmed" in (suite.path / file).read_text(encoding="utf-8")


def test_a_run_that_fails_by_itself_keeps_its_failures(pytester, how):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_mix="def test_bad(): assert 0\ndef test_leaky(): pass\ndef test_clean(): pass\n")

    result = pytester.runpytest(*how)

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["FAILED test_mix.py::test_bad - assert 0", "LEAK test_mix.py::test_leaky - *"])
    last = json.loads((pytester.path / ".pytest_cache/v/cache/lastfailed").read_text())
    assert sorted(last) == ["test_mix.py::test_bad", "test_mix.py::test_leaky"]


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        "it's",
        '"',
        "$(id) `id` !x \\",
        "x\ny\t",
        "\x1b[31m'\\",
        "ü 東京",
        "\udcff\udc80",
        "\u202e",
        "*?[!a]",
        "1\x01",
    ],
)
def test_a_shell_gives_back_the_very_text(text):
    # bash, because $'..' came into POSIX only in 2024.
    done = subprocess.run(
        ["bash", "-c", b"printf %s " + shell_quoted(text).encode()],  # noqa: S607 - wherever bash is
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )

    assert done.stdout == text.encode("utf-8", "surrogateescape")
