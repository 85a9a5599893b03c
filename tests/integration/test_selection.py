"""Which tests run and when is the business of pytest: memguard checks what passed, and says what it did not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.integration.suite import UNLIMITED

CART = """
import logging

class Order: pass

orders = []

def test_checkout():
    print("to the terminal")
    logging.getLogger("cart").warning("to the log")
    orders.append(Order())

def test_total(record_property):
    print("printed once")
    record_property("sum", 3)
    assert 1 + 2 == 3

def test_empty():
    assert not []
"""

USERS = """
class User: pass

users = []

def test_sign_in():
    users.append(User())

def test_sign_out():
    assert True
"""

BROKEN = """
def test_broken():
    assert 1 == 2, "broken by itself"
"""


@pytest.fixture
def shop(suite):
    suite.write("test_a_cart.py", CART)
    suite.write("test_b_users.py", USERS)
    return suite


@pytest.fixture
def broken_shop(shop):
    shop.write("test_ab_broken.py", BROKEN)
    return shop


LEAKING = {"test_checkout", "test_sign_in"}


def ran(run):
    return set(run.tests)


def short_summary(run):
    return [line.split(" - ")[0] for line in run.lines if line.startswith(("LEAK test_", "FAILED "))]


# -- runs that stop


def test_x_stops_before_the_checking_and_says_so(broken_shop):
    run = broken_shop.run("-x")
    assert run.code == 1
    assert run.outcomes == {"failed": 1, "passed": 3}
    reasons = {test["reason"] for test in run.report["tests"]}
    assert set(run.verdicts.values()) == {"unchecked"}
    assert reasons == {"the run was stopped before tests were checked"}, run.out
    assert run.report["session"]["repetitions"] == 0
    assert not run.leaks
    assert "checked none" in run.out
    assert run.quiet, run.out


def test_x_without_a_failure_reports_leaks(shop):
    run = shop.run("-x", UNLIMITED)
    assert run.code == 1
    assert run.names("leak") == LEAKING
    assert run.outcomes == {"failed": 2, "passed": 5}


def test_maxfail_above_the_failures_checks(broken_shop):
    run = broken_shop.run("--maxfail=2", UNLIMITED)
    assert run.names("leak") == LEAKING
    assert run.verdict("test_broken") == ("unchecked", "only tests that pass are checked")
    assert run.outcomes == {"failed": 3, "passed": 5}


def test_maxfail_reached_does_not(broken_shop):
    run = broken_shop.run("--maxfail=1")
    assert run.code == 1
    assert run.report["session"]["repetitions"] == 0


def test_last_failed_reruns_exactly_the_leaking_tests(shop):
    first = shop.run(UNLIMITED)
    again = shop.run("--lf", UNLIMITED)
    assert ran(again) == LEAKING == first.names("leak")
    assert again.names("leak") == LEAKING
    assert "run-last-failure: rerun previous 2 failures" in again.out
    shop.write("test_a_cart.py", CART.replace("orders.append(Order())", "Order()"))
    shop.write("test_b_users.py", USERS.replace("users.append(User())", "User()"))
    mended = shop.run("--lf", UNLIMITED)
    assert (ran(mended), mended.code) == (LEAKING, 0)
    assert len(shop.run("--lf", UNLIMITED).tests) == 5


def test_stepwise_goes_from_leak_to_leak(shop):
    run = shop.run("--stepwise", UNLIMITED)
    assert run.names("leak") == LEAKING
    again = shop.run("--stepwise", UNLIMITED)
    assert ran(again) == {"test_checkout", "test_total", "test_empty", "test_sign_in", "test_sign_out"}
    shop.write("test_a_cart.py", CART.replace("orders.append(Order())", "Order()"))
    assert shop.run("--stepwise", UNLIMITED).names("leak") == {"test_sign_in"}
    assert "test_checkout" not in ran(shop.run("--stepwise", UNLIMITED))


# -- runs of a part


def test_k_checks_what_it_selects(shop):
    run = shop.run("-k", "sign_in or total", UNLIMITED)
    assert run.verdicts == {"test_total": "clean", "test_sign_in": "leak"}
    assert run.outcomes == {"failed": 1, "passed": 2, "deselected": 3}


def test_nothing_selected_is_still_exit_5(shop):
    run = shop.run("-k", "nothing_like_this")
    assert run.code == 5
    assert "memguard:" not in run.out


def test_an_empty_suite_is_still_exit_5(suite):
    run = suite.run()
    assert run.code == 5
    assert run.report["session"]["exit_status"] == 5
    assert run.report["tests"] == []
    assert "memguard:" not in run.out


def test_a_usage_error_is_all_that_is_said(suite):
    suite.write("test_marked.py", "import pytest\n\n@pytest.mark.memguard(limit='lots')\ndef test_marked(): pass\n")
    run = suite.run()
    assert run.code == 4
    assert "invalid limit 'lots'" in run.out
    assert "no leaks" not in run.out


@pytest.mark.parametrize("arguments", [("--collect-only",), ("--co", "-q"), ("--setup-plan",), ("--setup-only",)])
def test_nothing_is_run_where_pytest_runs_nothing(shop, arguments):
    plain = shop.run(*arguments, memguard=False)
    run = shop.run(*arguments)
    assert run.code == plain.code == 0
    assert "LEAK" not in run.out
    assert [line for line in run.lines if "::" in line or "<Function" in line] == [
        line for line in plain.lines if "::" in line or "<Function" in line
    ]
    if "--co" in arguments or "--collect-only" in arguments:
        told = [line for line in run.lines if "memguard:" in line]
        assert told == ["memguard: no test was run, so nothing was written for --memguard-json"]
        assert run.written is None


@pytest.mark.parametrize(
    "ini", ["memguard_json = x.json\nmemguard_history = runs.db", "addopts = --memguard-html=x.html"]
)
def test_files_of_settings_are_not_missed_where_pytest_runs_nothing(shop, ini):
    shop.write("pytest.ini", f"[pytest]\nmemguard = true\n{ini}\n")

    assert "memguard:" not in shop.run("--collect-only", memguard=False).out


def test_each_file_that_was_typed_is_missed(shop):
    run = shop.run("--co", "-q", "--memguard-markdown=x.md", "--memguard-history=runs.db")

    assert "so nothing was written for --memguard-json, --memguard-markdown, --memguard-history" in run.out
    assert not {"x.md", "runs.db"} & {file.name for file in shop.path.iterdir()}


def test_a_suite_that_fails_as_a_whole_checks_nothing(suite):
    suite.write("test_broken.py", BROKEN)
    run = suite.run()
    assert run.code == 1
    assert run.outcomes == {"failed": 1}
    assert run.verdict("test_broken")[0] == "unchecked"
    assert run.report["session"]["repetitions"] == 0
    assert run.quiet, run.out


def test_skips_and_expected_failures_are_not_repeated(suite):
    suite.write(
        "test_kinds.py",
        """
        import pytest
        runs = []
        def test_skips():
            runs.append("skips")
            pytest.skip("no server")
        @pytest.mark.xfail
        def test_xfails():
            runs.append("xfails")
            assert 0
        @pytest.mark.xfail
        def test_xpasses():
            runs.append("xpasses")
        @pytest.mark.skip
        def test_never(): pass
        @pytest.fixture
        def broken_end():
            yield
            assert not "ended"
        def test_error_in_teardown(broken_end):
            runs.append("error")
        """,
    )
    suite.write(
        "conftest.py",
        "def pytest_unconfigure(config):\n    import test_kinds\n    print('runs:', *test_kinds.runs)\n",
    )
    run = suite.run()
    assert run.outcomes == {"passed": 1, "skipped": 2, "xfailed": 1, "xpassed": 1, "error": 1}
    assert "runs: skips xfails xpasses error" in run.out
    assert {name: test["outcome"] for name, test in run.tests.items()} == {
        "test_skips": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "xpassed",
        "test_never": "skipped",
        "test_error_in_teardown": "error",
    }
    assert set(run.verdicts.values()) == {"unchecked"}


def test_a_test_given_twice_is_reported_once(shop):
    shop.write("shop/__init__.py", "")
    shop.write("shop/test_c.py", USERS)
    run = shop.run("--pyargs", "shop", "shop.test_c", "shop/test_c.py::test_sign_in", UNLIMITED)
    assert run.names("leak") == {"test_sign_in"}
    assert len(run.leaks) == 1
    twice = shop.run("--keep-duplicates", "shop/test_c.py", "shop/test_c.py", UNLIMITED)
    assert [test["verdict"] for test in twice.report["tests"]].count("leak") == 2
    assert len(twice.leaks) == 1
    assert twice.outcomes == {"failed": 1, "passed": 4}


# -- plugins and options that show or hide things


def test_without_the_cache_everything_works(shop):
    run = shop.run("-p", "no:cacheprovider", UNLIMITED)
    assert run.names("leak") == LEAKING
    assert run.code == 1
    assert not (shop.path / ".pytest_cache").exists()


def test_without_a_terminal_the_run_fails_and_the_file_is_there(shop):
    run = shop.run("-p", "no:terminal", UNLIMITED)
    assert run.code == 1
    assert run.names("leak") == LEAKING
    assert run.out == ""


def test_what_tests_print_and_log_shows_once(shop):
    run = shop.run("-s", UNLIMITED, "-o", "log_cli=true", "-o", "log_file=run.log", "--setup-show", "--durations=0")
    assert run.names("leak") == LEAKING
    assert run.out.count("to the terminal") == 1
    assert run.out.count("printed once") == 1
    assert len(re.findall(r"WARNING .*to the log", run.out)) == 1
    assert (shop.path / "run.log").read_text().count("to the log") == 1
    # SETUP of record_property and of nothing else, as often as the plain run shows it.
    assert run.out.count("SETUP    F record_property") == 1
    slowest = [line for line in run.lines if re.match(r"[\d.]+s (call|setup|teardown)", line)]
    assert len(slowest) == len(set(slowest)) <= 15


def test_junit_has_each_test_once_and_the_leaks_beside_it(shop):
    run = shop.run("--junitxml=junit.xml", UNLIMITED)
    assert run.code == 1
    suite = next(ET.parse(shop.path / "junit.xml").iter("testsuite"))  # noqa: S314 - we wrote it
    assert {name: suite.get(name) for name in ("failures", "errors", "skipped")} == {
        "failures": "2",
        "errors": "0",
        "skipped": "0",
    }
    names = [case.get("name") for case in suite.iter("testcase")]
    assert names.count("test_total") == names.count("test_empty") == names.count("test_sign_out") == 1
    (total,) = (case for case in suite.iter("testcase") if case.get("name") == "test_total")
    assert [(p.get("name"), p.get("value")) for p in total.iter("property")] == [("sum", "3")]
    leaking = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    assert {case.get("name") for case in leaking} == LEAKING
    assert all("memguard.site" in [p.get("name") for p in case.iter("property")] for case in leaking)


def test_verbosities_and_their_sections(shop):
    quiet, verbose = shop.run("-q", UNLIMITED), shop.run("-v", UNLIMITED)
    assert [line for line in quiet.lines if line.startswith("memguard: 2 leaks in 5 tests")]
    assert not [line for line in quiet.lines if line.startswith("===") and "memguard" in line]
    assert re.search(r"=+ memguard: 2 leaks in 5 tests =+", verbose.out)
    assert sum(line.startswith("  rounds") for line in verbose.lines) >= 2
    for run in (quiet, verbose):
        assert short_summary(run) == ["LEAK test_a_cart.py::test_checkout", "LEAK test_b_users.py::test_sign_in"]


def test_warnings_as_errors_change_nothing(shop):
    run = shop.run("-W", "error", UNLIMITED)
    assert run.names("leak") == LEAKING
    assert run.outcomes == {"failed": 2, "passed": 5}
    assert run.quiet, run.out


def test_a_debugger_on_failures_is_not_called_for_leaks_nor_repetitions(suite):
    suite.write(
        "test_twice.py",
        """
        class Order: pass
        orders, runs = [], []
        def test_leaks():
            orders.append(Order())
        def test_fails_the_second_time():
            runs.append(1)
            assert len(runs) == 1
        """,
    )
    run = suite.run("--pdb", UNLIMITED)
    assert run.verdicts == {"test_leaks": "leak", "test_fails_the_second_time": "inconclusive"}
    assert "entering PDB" not in run.out
