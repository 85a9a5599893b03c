"""The command ``memguard``, run in this process: what it prints and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from textwrap import dedent

import pytest

from pytest_memguard import __version__
from pytest_memguard.cli import main
from pytest_memguard.model import Diagnosis
from pytest_memguard.report import jsonfile
from tests.unit.reported import LEAK, NATIVE, run


@pytest.fixture
def report(tmp_path):
    """The path of a report with three leaks, two of which have signatures that begin alike."""
    other = replace(NATIVE, diagnosis=replace(NATIVE.diagnosis, signature="3fb0000000"))
    path = tmp_path / "report.json"
    path.write_text("".join(jsonfile.render(run(LEAK, other, NATIVE))), "utf-8")
    return path


@pytest.fixture
def memguard(capsys, monkeypatch):
    """Runs the command; gives the exit status and both outputs."""
    monkeypatch.setenv("COLUMNS", "90")

    def command(*arguments):
        status = main(list(map(str, arguments)))
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


def test_everything_that_is_known_of_one_leak(memguard, report):
    status, out, err = memguard("explain", "3fa9", report)

    assert (status, err) == (0, "")
    assert out.startswith(
        dedent(
            """\
            python leak confirmed: +1.0 MiB per run in 5 of 5 runs (confidence 0.99)
              test       tests/test_cart.py::test_checkout
              phase      call
              round      blocks       heap
              1             +30   +1048576
              2             +30   +1048592
              3             +30   +1048576
              4             +31   +1048576
              5             +30   +1048576
              types      +10 shop.cart.Order, +10 dict
              allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order(...))
              kept by    shop.cart._ORDERS (list)
                         ~~~~~~~~~~~~~~~~~
                         -> [*] shop.cart.Order
              component  shop.cart
              signature  3fa9c1d2e4
              repeat     pytest --memguard "tests/test_cart.py::test_checkout"
              accept     @pytest.mark.memguard(leak="1 MiB", reason=...) on the test
              severity   high
              gates      the run fails for it
            """
        )
    )
    assert "report     " in out


def test_all_rounds_are_shown(memguard, report):
    _, out, _ = memguard("explain", "beef01", report)

    assert [int(line.split()[0]) for line in out.splitlines() if line.endswith("+4096")] == list(range(1, 33))


def test_a_signature_as_the_terminal_shows_it(memguard, report):
    assert memguard("explain", "[3FA9C1]", report)[0] == 0


def test_as_json(memguard, report):
    status, out, _ = memguard("explain", "3fa9c1d2e4", report, "--json")

    assert status == 0
    assert json.loads(out) == LEAK.to_json()


def test_an_ambiguous_beginning(memguard, report):
    status, out, err = memguard("explain", "3f", report)

    assert (status, out) == (1, "")
    assert err.startswith(f"memguard: 2 leaks of {str(report)!r} begin with '3f'\n  give more of one of them:\n")
    assert "    3fa9c1d2e4  tests/test_cart.py::test_checkout  +1.0 MiB per run" in err
    assert "    3fb0000000  tests/test_parse.py::test_xml  +4.0 KiB per run" in err
    assert err.endswith("[signature]\n")


def test_an_unknown_signature_names_the_nearest(memguard, report):
    status, _, err = memguard("explain", "3fa9c2", report)

    assert status == 1
    assert "no leak of" in err
    assert "has the signature '3fa9c2'\n  did you mean one of these?\n    3fa9c1d2e4" in err
    assert "beef01" not in err


def test_nothing_like_it(memguard, report):
    status, _, err = memguard("explain", "zzzzzz", report)

    assert status == 1
    assert "there are these:" in err
    assert "beef01" in err


def test_a_report_without_leaks(memguard, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("".join(jsonfile.render(run())), "utf-8")

    assert "no leaks in" in memguard("explain", "3f", path)[2]


UNREADABLE = {
    "empty": (b"", "it is not JSON"),
    "cut": (b'{"schema": 1, "tool": {"name": "pytest-memguard"', "it is not JSON"),
    "no text": (b"\xff\xfe\x00", "it is not JSON"),
    "a list": (b"[]", "it is not a report of pytest-memguard"),
    "foreign": (b'{"schema": 1, "tool": {"name": "other"}}', "it is not a report of pytest-memguard"),
    "a tool that is a list": (b'{"schema": 1, "tool": []}', "it is not a report of pytest-memguard"),
    "no schema": (b'{"tool": {"name": "pytest-memguard"}}', "its schema is None"),
    "true": (b'{"schema": true, "tool": {"name": "pytest-memguard"}}', "its schema is True"),
    "newer": (
        b'{"schema": 2, "tool": {"name": "pytest-memguard", "version": "9.1"}}',
        "its schema is 2, and schemas up to 1 are known here\n  it was made by pytest-memguard 9.1: use that version",
    ),
    "deep": (b"[" * 200_000, "it is"),
    "a long number": (b'{"schema": ' + b"9" * 10_000 + b"}", "it is not"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_are_no_report(memguard, tmp_path, name):
    content, reason = UNREADABLE[name]
    path = tmp_path / "report.json"
    path.write_bytes(content)

    status, out, err = memguard("explain", "3fa9c1", path)

    assert (status, out) == (1, "")
    assert err.startswith(f"memguard: cannot read the report {str(path)!r}: {reason}")
    assert err.endswith("[report-unreadable]\n")


def test_files_that_cannot_be_read(memguard, tmp_path):
    assert "no such file or directory" in memguard("explain", "3f", tmp_path / "none.json")[2]
    assert "is a directory" in memguard("explain", "3f", tmp_path)[2]
    assert "null byte" in memguard("explain", "3f", "re\0port.json")[2]


def test_hostile_content_is_harmless(memguard, tmp_path):
    leak = {
        "nodeid": "t.py::\x1b]0;owned\x07\u202etest",
        "witnesses": ["a\nb", 3, None],
        "kind": "\x1b[31m",
        "gates": "yes",
        "severity": [],
        "bytes_per_run": 10**400,
        "blocks_per_run": "many",
        "confidence": "high",
        "rounds": [{"metric": "\x9b2J", "deltas": [1, "x", None, -(10**400), 1e400]}, {"deltas": 3}, "no"],
        "types": [{"type": "x" * 1_000_000, "count": True}, 7],
        "sites": [{"file": "\r\x1b[2K", "line": "first", "source": "\x1b[8m"}],
        "retainers": [{"path": "p", "steps": ["\x07"] * 5000, "suspect": 10**30}, {}],
        "notes": "none",
        "signature": "abc\x1b[0m",
        "advice": {"a": 1},
    }
    data = {"schema": 1, "tool": {"name": "pytest-memguard"}, "leaks": [leak, None, [], {}]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data), "utf-8")

    status, out, err = memguard("explain", "abc", path)

    assert (status, err) == (0, "")
    assert all(line.isprintable() for line in out.splitlines())
    assert len(out) < 500_000
    status, out, err = memguard("explain", "abc", path, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["confidence"] is None
    assert out.strip().isprintable()
    status, out, err = memguard("explain", "zzz", path)
    assert status == 1
    assert all(line.isprintable() for line in err.splitlines())


def test_keys_that_are_missing_are_left_out(memguard, tmp_path):
    path = tmp_path / "report.json"
    data = {"schema": 1, "tool": {"name": "pytest-memguard"}, "leaks": [{"signature": "abc", "nodeid": "t.py::test"}]}
    path.write_text(json.dumps(data), "utf-8")

    status, out, _ = memguard("explain", "abc", path)

    assert status == 0
    assert "test       t.py::test" in out
    assert "confidence unknown" in out


def test_without_a_command_help_is_shown(memguard):
    status, out, _ = memguard()

    assert status == 2
    assert "explain" in out


@pytest.mark.parametrize("arguments", [["explain"], ["xplain", "a", "b"], ["explain", "a", "b", "--jsn"]])
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: memguard" in capsys.readouterr().err


def test_it_runs_as_a_module_and_does_not_import_pytest(report):
    code = (
        "import sys; from pytest_memguard.cli import main\n"
        f"status = main(['explain', '3fa9c1', {str(report)!r}])\n"
        "sys.exit(status or any(name in sys.modules for name in ('pytest', '_pytest', 'psutil', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "pytest_memguard", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"pytest-memguard {__version__}\n"


def test_a_reader_that_leaves_early_and_a_poor_encoding_do_no_harm(report):
    leak = replace(LEAK, diagnosis=Diagnosis(signature="abc", notes=("\u00e9 \u4e16",)))
    report.write_text("".join(jsonfile.render(run(leak))), "utf-8")
    command = [sys.executable, "-m", "pytest_memguard", "explain", "abc", str(report)]
    done = subprocess.run(
        command, capture_output=True, check=False, env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)}
    )
    assert done.returncode == 0
    assert b"\\xe9 \\u4e16" in done.stdout
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
