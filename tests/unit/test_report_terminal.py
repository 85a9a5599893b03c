"""The memguard section, word for word."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

from pytest_memguard.model import Diagnosis, SessionGrowth, TypeGrowth
from pytest_memguard.report.terminal import section
from pytest_memguard.report.text import cells
from tests.unit import reported
from tests.unit.reported import CHECKOUT, GROWTH, LEAK, LIMIT, LOW, NATIVE, SUPPRESSED, THIRD_PARTY, THREAD, record, run

HOSTILE = "tests/test_x.py::test_ids[\x1b[31m\n$(id) 'q' \u202egnp]"


def shown(report, width=120, verbosity=0):
    return "\n".join(entry.text for entry in section(report, width=width, verbosity=verbosity, color=False))


def expect(text):
    return dedent(text).strip("\n")


def test_nothing_wrong_is_one_line():
    assert "\n".join(shown(run(), width=width) for width in (180, 150, 120, 80, 60)) == expect(
        """
        memguard: no leaks in 412 tests - peak 312 MiB in tests/test_import.py::test_big - %s
        memguard: no leaks in 412 tests - peak 312 MiB - %s
        memguard: no leaks in 412 tests - peak 312 MiB in tests/test_import.py::test_big - 412 checked in 38 s
        memguard: no leaks in 412 tests - peak 312 MiB - 412 checked in 38 s
        memguard: no leaks in 412 tests - peak 312 MiB
        """
        % (("412 of 412 tests checked, 1.1 repetitions each - watching cost 0.3 %, checking 38 s",) * 2)
    )


def test_one_leak_at_110_columns():
    assert shown(run(LEAK), width=110) == expect(
        """
        ======================================= memguard: 1 leak in 412 tests ========================================
        LEAK python  tests/test_cart.py::test_checkout  +1.0 MiB per run, 5 of 5 runs, confidence 0.99   [3fa9c1]
          phase      call
          types      +10 shop.cart.Order, +10 dict
          allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order(...))
          kept by    shop.cart._ORDERS (list) -> [*] shop.cart.Order
          component  shop.cart
          repeat     pytest --memguard "tests/test_cart.py::test_checkout"
        peak 312 MiB in tests/test_import.py::test_big - 412 of 412 tests checked, 1.1 repetitions each
        watching cost 0.3 %, checking 38 s
        """
    )


def test_at_120_columns_the_same_lines_stand_below_a_wider_title():
    narrow, wide = shown(run(LEAK), width=110).splitlines(), shown(run(LEAK), width=120).splitlines()

    assert wide[0] == narrow[0].replace("= memguard", "====== memguard").replace("tests =", "tests ======")
    assert wide[1:] == narrow[1:]


def test_one_leak_at_80_columns():
    assert shown(run(LEAK), width=80) == expect(
        """
        ======================== memguard: 1 leak in 412 tests =========================
        LEAK python  tests/test_cart.py::test_checkout
          +1.0 MiB per run, 5 of 5 runs, confidence 0.99   [3fa9c1]
          phase      call
          types      +10 shop.cart.Order, +10 dict
          allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order(...))
          kept by    shop.cart._ORDERS (list) -> [*] shop.cart.Order
          component  shop.cart
          repeat     pytest --memguard "tests/test_cart.py::test_checkout"
        peak 312 MiB in tests/test_import.py::test_big
        412 of 412 tests checked, 1.1 repetitions each
        watching cost 0.3 %, checking 38 s
        """
    )


def test_v_adds_rounds_costs_and_what_was_not_decided():
    tests = [
        record("tests/test_a.py::test_1"),
        record("tests/test_a.py::test_2", "unchecked", "the budget was spent"),
        record("tests/test_a.py::test_3", "unchecked", None, outcome="failed"),
        record("tests/test_a.py::test_4", "inconclusive", "a repetition failed: AssertionError"),
        record("tests/test_a.py::test_5", "suspect"),
    ]
    environment = replace(reported.ENVIRONMENT, limit_bytes=2**30, limit_source="cgroup v2")
    report = replace(run(LEAK, tests=tests, session={"tests": 5, "checked": 3}), environment=environment)

    assert shown(report, width=100, verbosity=1) == expect(
        """
        =================================== memguard: 1 leak in 5 tests ====================================
        LEAK python  tests/test_cart.py::test_checkout
          +1.0 MiB per run, 5 of 5 runs, confidence 0.99   [3fa9c1]
          phase      call
          types      +10 shop.cart.Order, +10 dict
          allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order(...))
          kept by    shop.cart._ORDERS (list) -> [*] shop.cart.Order
          component  shop.cart
          rounds     blocks +30 +30 +30 +31 +30
          rounds     heap +1048576 +1048592 +1048576 +1048576 +1048576
          repeat     pytest --memguard "tests/test_cart.py::test_checkout"
        1 test not checked: the budget was spent (--memguard-budget raises it; they go first next time)
        unchecked (2)
          tests/test_a.py::test_2: the budget was spent
          tests/test_a.py::test_3: no reason given
        inconclusive (2)
          tests/test_a.py::test_4: a repetition failed: AssertionError
          tests/test_a.py::test_5: no reason given
          verdicts   1 clean, 2 unchecked, 1 inconclusive, 1 suspect
          cost       watching 0.1 s (0.3 %), checking 38 s (453 repetitions of 3 tests)
          probes     heap: psutil.heap_info, rss: /proc/self/statm
          limit      1.0 GiB (cgroup v2)
        peak 312 MiB in tests/test_import.py::test_big
        3 of 5 tests checked (2 inconclusive), 1.1 repetitions each - watching cost 0.3 %, checking 38 s
        """
    )


def test_the_title_of_a_run_that_checked_nothing_does_not_say_that_there_are_no_leaks():
    session = {"checked": 0, "repetitions": 0, "checking_cost_s": 0.0}
    lines = shown(run(session=session, warnings=("worker gw0 was stopped",))).splitlines()

    assert " memguard: watched 412 tests, checked none " in lines[0]
    assert lines[1] == "warning: worker gw0 was stopped"


def test_v_with_nothing_wrong_still_shows_the_costs():
    lines = shown(run(), verbosity=1).splitlines()

    assert "memguard: no leaks in 412 tests" in lines[0]
    assert lines[1].startswith("  cost  ")


def test_q_is_one_line_whatever_was_found():
    assert shown(run(LEAK), verbosity=-1) == (
        "memguard: 1 leak in 412 tests: tests/test_cart.py::test_checkout +1.0 MiB per run"
    )
    assert shown(run(LEAK, NATIVE, THREAD, limits=[LIMIT]), verbosity=-1) == (
        "memguard: 3 leaks and 1 exceeded limit in 412 tests: "
        "tests/test_cart.py::test_checkout +1.0 MiB per run, and 2 more"
    )
    assert shown(run(LOW), width=80, verbosity=-2) == (
        "memguard: no gating leaks in 412 tests - peak 312 MiB - 412 checked in 38 s"
    )


def test_other_kinds_say_what_stays_and_what_is_not_known():
    assert shown(run(THREAD, NATIVE), width=100) == expect(
        """
        ================================== memguard: 2 leaks in 412 tests ==================================
        LEAK native  tests/test_parse.py::test_xml
          +4.0 KiB per run, 32 of 32 runs, confidence 0.94   [beef01]
          phase      call
          note       no Python object stays: the memory was allocated by a C extension
          repeat     pytest --memguard "tests/test_parse.py::test_xml"
        LEAK thread  tests/test_jobs.py::test_worker
          +1 thread per run, 3 of 3 runs, confidence 0.95   [77aa00]
          phase      setup of fixture worker
          leaks      poller-1, target shop.jobs.poll
          allocated  shop/jobs.py:12 in start: Thread(target=poll).start()
          advice     join the thread, or stop it in the fixture's teardown
          repeat     pytest --memguard "tests/test_jobs.py::test_worker"
        peak 312 MiB in tests/test_import.py::test_big - 412 of 412 tests checked, 1.1 repetitions each
        watching cost 0.3 %, checking 38 s
        """
    )


def test_a_limit_that_was_exceeded():
    assert shown(run(limits=[LIMIT]), width=100).splitlines()[:4] == [
        "============================= memguard: 1 exceeded limit in 412 tests ==============================",
        "LIMIT  tests/test_import.py::test_big  peak +80.0 MiB, limit 50.0 MiB",
        "  set by     @pytest.mark.memguard(limit='50 MiB')",
        '  repeat     pytest --memguard "tests/test_import.py::test_big"',
    ]


def test_what_does_not_gate_is_listed_apart_with_its_reason():
    report = run(LOW, SUPPRESSED, THIRD_PARTY, limits=[replace(LIMIT, gates=False)])

    assert shown(report, width=100) == expect(
        """
        ============================== memguard: no gating leaks in 412 tests ==============================
        not gating (4): the run does not fail for them
          suppressed  tests/test_cart.py::test_total
                      +1.0 MiB per run, python, shop/cart.py:41, kept by shop.cart._ORDERS[*] [3fa9c1]:
                      vendored code, fixed in its next release
          third-party tests/test_web.py::test_get
                      +2.0 KiB per run, python, kept by pytest_web.plugin._SEEN[*] [abc123]: kept by the
                      plugin pytest_web
          low         tests/test_env.py::test_path
                      +16 B per run, python, call [10c0de]: under 3 blocks per run and without a retainer
                      outside the interpreter
          limit       tests/test_import.py::test_big
                      peak +80.0 MiB, limit 50.0 MiB: set by @pytest.mark.memguard(limit='50 MiB')
        peak 312 MiB in tests/test_import.py::test_big - 412 of 412 tests checked, 1.1 repetitions each
        watching cost 0.3 %, checking 38 s
        """
    )


def test_many_leaks_are_bounded_and_the_largest_come_first():
    leaks = [replace(LEAK, nodeid=f"tests/t.py::test_{n:02}", bytes_per_run=1024 * (n + 1)) for n in range(47)]

    lines = shown(run(*leaks)).splitlines()
    heads = [entry for entry in lines if entry.startswith("LEAK ")]

    assert heads[0].startswith("LEAK python  tests/t.py::test_46  +47.0 KiB per run")
    assert len(heads) == 10
    assert "  and 37 more leaks; all in the JSON report" in lines
    assert "memguard: 47 leaks in 412 tests" in lines[0]
    assert len([entry for entry in shown(run(*leaks), verbosity=1).splitlines() if entry.startswith("LEAK ")]) == 47


def test_lists_are_bounded():
    tests = [record(f"t.py::test_{n:02}", "inconclusive", "noisy") for n in range(47)]
    lines = shown(run(*[replace(LOW, nodeid=f"t.py::low_{n}") for n in range(12)], tests=tests), verbosity=1)

    assert "inconclusive (47)\n  t.py::test_00: noisy\n" in lines
    assert "  t.py::test_09: noisy\n  and 37 more; all in the JSON report\n" in lines
    assert "t.py::test_10" not in lines
    assert "  and 2 more; all in the JSON report\n" in lines


def test_witnesses():
    names = tuple(f"tests/t.py::test_{n}" for n in range(36))
    lines = shown(run(replace(LEAK, witnesses=(CHECKOUT, *names)))).splitlines()

    assert (
        "  also seen  in 36 other tests: tests/t.py::test_0, tests/t.py::test_1, tests/t.py::test_2, and 33 more"
        in lines
    )
    one = shown(run(replace(LEAK, witnesses=(CHECKOUT, names[0])))).splitlines()
    assert "  also seen  in 1 other test: tests/t.py::test_0" in one


def test_growth_of_the_session_says_what_to_do():
    assert shown(run(session={"growth": GROWTH}), width=100).splitlines()[1:5] == [
        "memory grew over the session: +12.0 KiB (3.1%) a test over 15 tests, a full collection gave back 3%,",
        "  from tests/test_a.py::test_1 to tests/test_b.py::test_9 (confidence 0.80)",
        "  check all tests with --memguard-confirm=all --memguard-budget=unlimited; where none of them leaks,",
        "  what grows belongs to what they share",
    ]
    bare = SessionGrowth(suspected=True, confidence=0.5, slope_per_test=4096.0)
    assert "memory grew over the session: +4.0 KiB a test (confidence 0.50)" in shown(run(session={"growth": bare}))


def test_growth_over_earlier_runs_warns_or_fails():
    lines = shown(run(grown=[reported.GROWN])).splitlines()
    assert lines[0].strip("=") == " memguard: no leaks in 412 tests "
    assert lines[1:4] == [
        "more memory than in earlier runs (1 test; --memguard-fail-on=growth makes them fail)",
        "  tests/test_import.py::test_big",
        "    peak 82.0 MiB, usually 20.0 MiB (10 runs: 19.0 MiB to 21.0 MiB)",
    ]

    failing = [replace(reported.GROWN, nodeid=f"t.py::test_{n}", gates=True) for n in range(12)]
    lines = shown(run(LEAK, grown=failing)).splitlines()
    assert lines[0].strip("=") == " memguard: 1 leak and 12 grown tests in 412 tests "
    assert "more memory than in earlier runs (12 tests)" in lines
    assert "  and 2 more; all in the JSON report" in lines


def test_unchecked_tests_are_one_line_below_the_one_line():
    tests = [record(f"t.py::test_{n}", "unchecked", "the budget was spent") for n in range(12)]
    skipped = record("t.py::test_skipped", "unchecked", "it did not pass", outcome="skipped")

    assert shown(run(tests=[*tests, skipped], session={"checked": 400})) == expect(
        """
        memguard: no leaks in 412 tests - peak 312 MiB in tests/test_import.py::test_big - 400 checked in 38 s
        12 tests not checked: the budget was spent (--memguard-budget raises it; they go first next time)
        """
    )


def test_several_reasons_are_counted():
    tests = [
        *[record(f"t.py::test_{n}", "unchecked", "the budget was spent") for n in range(3)],
        *[record(f"t.py::mark_{n}", "unchecked", "leak=False: a cache by design") for n in range(2)],
    ]

    assert "\n5 tests not checked: 3 the budget was spent, 2 leak=False: a cache by design (" in shown(run(tests=tests))


def test_a_run_without_checks_says_so_and_does_not_list_them():
    tests = [record("t.py::test_a", "unchecked", "--memguard-confirm=none")]

    assert shown(run(tests=tests, session={"checked": 0, "repetitions": 0, "checking_cost_s": 0.0}), width=80) == (
        "memguard: watched 412 tests, checked none - peak 312 MiB - 0 checked in 0 s"
    )


def test_warnings_and_own_errors_are_told_whole_unless_there_is_no_end_to_them():
    warnings = [
        "no heap metric: musl",
        "component p: app:nothing leads nowhere: module 'app' has no attribute 'nothing'",
    ]
    report = run(warnings=warnings, errors=["the probe 'fds' stopped:\n  OSError(24)", "x" * 3000])
    lines = shown(report, width=80).splitlines()

    assert lines[1:5] == [
        "warning: no heap metric: musl",
        "warning: component p: app:nothing leads nowhere: module 'app' has no attribute",
        "  'nothing'",
        r"memguard error: the probe 'fds' stopped:\n  OSError(24)",
    ]
    endless = [line for line in lines if "xxx" in line]
    assert 5 <= len(endless) <= 6
    assert max(map(cells, endless)) <= 80
    assert "..." in "".join(endless)


def test_a_peak_that_could_not_be_read_is_not_mentioned():
    report = run(LEAK, session={"peak_rss_bytes": None, "peak_nodeid": None, "duration_s": 0.0})

    assert shown(report).splitlines()[-1] == (
        "412 of 412 tests checked, 1.1 repetitions each - watching cost 0.1 s, checking 38 s"
    )


@pytest.mark.parametrize("verbosity", [-1, 0, 1])
@pytest.mark.parametrize("width", [80, 120])
def test_hostile_text_is_harmless_and_within_the_width(width, verbosity):
    leak = replace(
        LEAK,
        nodeid=HOSTILE,
        witnesses=(HOSTILE, HOSTILE + "2", "\udcff" * 90),
        fixture="\x1b]0;title\x07",
        diagnosis=replace(
            LEAK.diagnosis,
            types=(TypeGrowth(type="東" * 60 + "\x00", count=1, bytes=1),),
            retainers=(replace(LEAK.diagnosis.retainers[0], steps=("a.b" * 50 + "\r", "[*] \x1b[2J")),),
            component="\x9b31m",
            notes=("line\nbreak",),
        ),
    )
    tests = [record(HOSTILE, "inconclusive", "\x1b[1m" * 60)]
    report = run(leak, replace(leak, gates=False), tests=tests, limits=[replace(LIMIT, nodeid=HOSTILE, origin="\x1b")])
    lines = section(report, width=width, verbosity=verbosity, color=True)

    assert all(entry.text.isprintable() for entry in lines)
    too_wide = [entry.text for entry in lines if cells(entry.text) > width]
    assert all(text.startswith("  repeat  ") for text in too_wide)
    if verbosity >= 0:
        assert (
            r"  repeat     pytest --memguard $'tests/test_x.py::test_ids[\033[31m\012$(id) \'q\' \U0000202egnp]'"
            in [entry.text for entry in lines]
        )


def test_long_ids_are_shortened_in_the_middle_and_whole_in_the_command():
    nodeid = "tests/integration/" + "deeply/" * 12 + "test_orders.py::TestCheckout::test_of_everything[param]"
    lines = shown(run(replace(LEAK, nodeid=nodeid)), width=80).splitlines()

    assert "..." in lines[1]
    assert cells(lines[1]) == 80
    assert lines[1].startswith("LEAK python  tests/integration/")
    assert lines[1].endswith("::test_of_everything[param]")
    assert f'  repeat     pytest --memguard "{nodeid}"' in lines


def test_color_is_markup_only():
    plain = section(run(LEAK, LOW), width=80, verbosity=0, color=False)
    colored = section(run(LEAK, LOW), width=80, verbosity=0, color=True)

    assert [entry.text for entry in plain] == [entry.text for entry in colored]
    assert all(entry.markup == () for entry in plain)
    assert colored[0].markup == ("red", "bold")
    assert section(run(), width=80, verbosity=0, color=True)[0].markup == ("green",)
    assert section(run(LOW), width=80, verbosity=0, color=True)[0].markup == ("yellow", "bold")


def test_a_leak_without_any_diagnosis_is_still_told():
    bare = replace(LEAK, diagnosis=Diagnosis(), rounds=(), bytes_per_run=0)

    assert shown(run(bare)).splitlines()[1:4] == [
        "LEAK python  tests/test_cart.py::test_checkout  +30 blocks per run, confidence 0.99",
        "  phase      call",
        '  repeat     pytest --memguard "tests/test_cart.py::test_checkout"',
    ]


def test_a_terminal_of_no_width_is_survived():
    assert section(run(LEAK), width=0, verbosity=1, color=False)
