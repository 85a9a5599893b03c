"""Settings as a user gives them: options, every kind of ini file, YAML, markers, and what is shown of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_memguard import options
from tests.integration.settings_glue import plugin_arguments

PYTEST = tuple(int(part) for part in pytest.__version__.split(".")[:2])
ORIGINAL = """\
memory:
  monitoring: {enabled: true, checkInterval: 30000, historySize: 200}
  thresholds: {warning: 0.70, rss: 1073741824}
"""


@pytest.fixture
def run(pytester):
    """Run pytest in the test's directory with memguard loaded."""
    pytester.makepyfile(test_ok="def test_ok(): pass")

    def run(*args):
        return pytester.runpytest_inprocess(*plugin_arguments(), "-p", "no:cacheprovider", *args)

    return run


@pytest.fixture
def shown(run):
    """The rows of ``--memguard-show-config``: name to value and origin."""

    def shown(*args):
        result = run("--memguard-show-config", *args)
        assert result.ret == 0, result.stderr.str()
        return rows(result.stdout.str())

    return shown


def rows(text):
    """The table, its continuation lines joined again."""
    found = {}
    name = None
    for line in text.partition("setting ")[2].splitlines()[2:]:
        if line[:1].isalpha():
            name, rest = line.split(None, 1)
            found[name] = " ".join(rest.split())
        elif name:
            found[name] += " " + " ".join(line.split())
    return found


def configured(pytester, *args):
    """The settings of a run with *args*, as the plugin would load them."""
    config = pytester.parseconfig(*plugin_arguments(), *args)
    return options.load(config)


def test_without_anything_set_everything_is_default_and_memguard_off(shown):
    found = shown()

    assert found["enabled"] == "off default"
    assert found["confirm"] == "all default"
    assert found["budget"] == "100% default"
    assert found["fail_on"] == "leak, limit default"


def test_show_config_runs_no_test(run):
    result = run("--memguard-show-config")

    assert "test_ok" not in result.stdout.str()
    assert "passed" not in result.stdout.str()


def test_every_option_reaches_its_setting(pytester, shown):
    pytester.makefile(".yaml", other="memory: {limit: 1 GiB}")

    found = shown(
        "--memguard",
        "--memguard-config=other.yaml",
        "--memguard-confirm=suspects",
        "--memguard-budget=2m",
        "--memguard-fail-on=growth,leak",
        "--memguard-json=out.json",
        "--memguard-history=runs.db",
    )

    assert found["enabled"] == "on the command line"
    assert found["confirm"] == "suspects the command line"
    assert found["budget"] == "2 min the command line"
    assert found["fail_on"] == "leak, growth the command line"
    assert found["json"] == "out.json the command line"
    assert found["history"] == "runs.db the command line"
    assert found["limit_bytes"] == "1.0 GiB other.yaml: memory.limit"


INI = {"memguard": "true", "memguard_confirm": "marked", "memguard_budget": "50%", "memguard_fail_on": "leak, growth"}
INI_LINES = "\n".join(f"{key} = {value}" for key, value in INI.items())
TOML_LINES = "\n".join(f'{key} = "{value}"' for key, value in INI.items() if key != "memguard")
LIST_LINES = 'memguard_budget = "50%"\nmemguard_confirm = "marked"\nmemguard_fail_on = ["leak", "growth"]'
NATIVE = pytest.mark.skipif(PYTEST < (9, 0), reason="pytest 9 brought native TOML settings")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pytest.ini", f"[pytest]\n{INI_LINES}"),
        ("tox.ini", f"[pytest]\n{INI_LINES}"),
        ("setup.cfg", f"[tool:pytest]\n{INI_LINES}"),
        ("pyproject.toml", f'[tool.pytest.ini_options]\nmemguard = "true"\n{TOML_LINES}'),
        ("pyproject.toml", f"[tool.pytest.ini_options]\nmemguard = true\n{LIST_LINES}"),
        pytest.param("pyproject.toml", f"[tool.pytest]\nmemguard = true\n{TOML_LINES}", marks=NATIVE),
        pytest.param("pyproject.toml", f"[tool.pytest]\nmemguard = true\n{LIST_LINES}", marks=NATIVE),
        pytest.param("pytest.toml", f"[pytest]\nmemguard = true\n{LIST_LINES}", marks=NATIVE),
    ],
)
def test_every_kind_of_ini_file_is_read(pytester, shown, file, content):
    (pytester.path / file).write_text(content)

    found = shown()

    assert found["enabled"] == f"on {file}"
    assert found["confirm"] == f"marked {file}"
    assert found["budget"] == f"50% {file}"
    assert found["fail_on"] == f"leak, growth {file}"


def test_an_ini_entry_given_with_o_says_so(pytester, shown):
    pytester.makeini("[pytest]\nmemguard_confirm = marked")

    assert shown("-o", "memguard_confirm=suspects")["confirm"] == "suspects -o on the command line"


def test_an_option_in_addopts_says_so(pytester, shown):
    pytester.makeini("[pytest]\naddopts = --memguard-confirm=none")

    assert shown()["confirm"] == "none addopts or PYTEST_ADDOPTS"


def test_the_ini_entry_turns_memguard_on_and_the_option_off(pytester):
    pytester.makeini("[pytest]\nmemguard = yes")

    assert options.enabled(pytester.parseconfig(*plugin_arguments()))
    assert not options.enabled(pytester.parseconfig(*plugin_arguments(), "--no-memguard"))


def test_an_ini_entry_of_another_plugin_is_none_of_ours(pytester, run):
    pytester.makeini("[pytest]\nmemguard_extra = 5")
    pytester.makeconftest("def pytest_addoption(parser): parser.addini('memguard_extra', 'of a plugin for memguard')")

    result = run("--memguard", "--memguard-confirm=none")

    result.assert_outcomes(passed=1)


def test_arguments_after_two_dashes_are_no_options():
    options.check_arguments(["--memguard", "--", "--memguard-nonsense"])


def test_the_command_line_wins_over_ini_over_yaml_over_default(pytester):
    pytester.makeini("[pytest]\nmemguard_confirm = marked\nmemguard_budget = 10s")
    pytester.makefile(".yaml", memguard="memory: {confirm: {mode: none, budget: 20s, rounds: 9}}")

    resolved = configured(pytester, "--memguard-confirm=suspects")

    assert (resolved.settings.confirm, resolved.origins["confirm"]) == ("suspects", "the command line")
    assert (resolved.settings.budget.seconds, resolved.origins["budget"]) == (10.0, "tox.ini")
    assert (resolved.settings.rounds, resolved.origins["rounds"]) == (9, "memguard.yaml: memory.confirm.rounds")
    assert (resolved.settings.escalation_rounds, resolved.origins["escalation_rounds"]) == (32, "default")


@pytest.mark.parametrize("name", ["memguard.yaml", "memguard.yml"])
def test_the_settings_file_in_rootdir_is_found(pytester, shown, name):
    (pytester.path / name).write_text(ORIGINAL)

    found = shown()

    assert found["config"] == f"{name} rootdir"
    assert found["history_size"].endswith(f"200 from {name}: memory.monitoring.historySize")
    assert found["warning"].startswith("70% ")
    assert found["check_interval_s"].startswith("30 s ")


def test_paths_are_relative_to_where_they_are_written(pytester, monkeypatch):
    pytester.makeini("[pytest]\nmemguard_config = conf/m.yaml")
    pytester.mkdir("conf").joinpath("m.yaml").write_text("memory: {report: {json: out.json}}")
    inside = pytester.mkdir("inside")
    monkeypatch.chdir(inside)

    by_ini = configured(pytester, "--rootdir", str(pytester.path), "-c", str(pytester.path / "tox.ini"))
    by_option = configured(
        pytester, "--rootdir", str(pytester.path), "-c", str(pytester.path / "tox.ini"), "--memguard-json=a.json"
    )

    assert by_ini.settings.config == pytester.path / "conf" / "m.yaml"
    assert by_ini.settings.json == pytester.path / "conf" / "out.json"
    assert by_option.settings.json == inside / "a.json"


def test_with_memguard_off_the_settings_file_is_not_even_opened(pytester, run):
    pytester.makefile(".yaml", memguard="{ not yaml")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.memguard(limt="lots")
        @pytest.mark.limit_memory("24 MB")
        @pytest.mark.limit_leaks("1 MB")
        def test_marked(): pass
        """
    )

    result = run("--strict-markers")

    result.assert_outcomes(passed=2)


def test_the_glue_imports_neither_yaml_nor_psutil():
    program = "import sys, pytest_memguard.options; print(sorted({'yaml', 'psutil', 'objgraph'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_without_a_settings_file_a_run_that_is_on_imports_no_yaml(pytester):
    pytester.makepyfile("import sys\ndef test_it(): assert 'yaml' not in sys.modules")
    root = str(Path(options.__file__).parents[1])

    found = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin_arguments(), "--memguard", "--memguard-confirm=none"],
        capture_output=True, text=True, cwd=pytester.path, check=False, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip

    assert "1 passed" in found.stdout, found.stdout + found.stderr


def test_good_markers_of_every_shape_pass(pytester, run):
    pytester.makepyfile(
        """
        import unittest
        import pytest

        pytestmark = pytest.mark.memguard(limit="1 GB", reason="module")

        @pytest.mark.memguard
        def test_bare(): pass

        @pytest.mark.memguard(limit="50 MB", leak="1 KB", confirm=True, runs=2, cleanup="gentle", component="cache",
                              heavy=False, reason="all of them")
        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.memguard(leak=False, reason="known"))])
        def test_function(n): pass

        @pytest.mark.memguard(leak=False, reason="class")
        class TestClass:
            @pytest.mark.memguard(leak=0)
            def test_method(self): pass

        class Case(unittest.TestCase):
            @pytest.mark.memguard(confirm=False)
            def test_case(self): pass

        @pytest.mark.limit_memory("24 MB")
        @pytest.mark.limit_leaks("1 MB")
        def test_memray(): pass
        """
    )

    result = run("--memguard", "--memguard-confirm=none", "--strict-markers")

    result.assert_outcomes(passed=7)


def marker_of(pytester, source, *, plugins=(), args=()):
    """What the markers of the one test in *source* say, in a run with *args* and with *plugins* registered."""
    path = pytester.makepyfile(source)
    config = pytester.parseconfigure(*plugin_arguments(), *args, str(path))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTEST_ADDOPTS", "-p no:syrupy")  # it wants more of a session than pytester makes
        (item,) = pytester.genitems([pytester.getpathnode(path)])
    for name in plugins:
        item.config.pluginmanager.register(object(), name)
    return options.marker_of(item, options.load(config))


def test_a_test_without_marker_has_none(pytester):
    assert marker_of(pytester, "def test_plain(): pass") is None


def test_the_closest_marker_wins_per_keyword(pytester):
    found = marker_of(
        pytester,
        """
        import pytest
        pytestmark = [pytest.mark.memguard(limit="1 MB", runs=3, component="module")]

        @pytest.mark.memguard(limit="2 MB", component="class")
        class TestIt:
            @pytest.mark.memguard(limit="3 MB")
            def test_it(self): pass
        """,
    )

    assert (found.limit, found.component, found.runs) == (3_000_000, "class", 3)
    assert found.origins["limit"].endswith("::TestIt::test_it")
    assert "::TestIt (for " in found.origins["component"]


def test_a_marker_of_a_parameter_is_closest(pytester):
    found = marker_of(
        pytester,
        """
        import pytest

        @pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.memguard(limit="1 MB"))])
        @pytest.mark.memguard(runs=2)
        def test_it(n): pass
        """,
    )

    assert (found.limit, found.runs) == (1_000_000, 2)


WRONG = """
import pytest

@pytest.mark.memguard(limt="1 MB")
class TestIt:
    def test_first(self): pass
    def test_second(self): pass

@pytest.mark.memguard(runs="x")
def test_last(): pass
"""


@pytest.mark.parametrize("args", [(), ("-n0",), ("-n2",), ("-n2", "--dist=each"), ("-n2", "--dist=loadscope", "-x")])
def test_wrong_markers_are_told_once_each_with_and_without_workers(pytester, run, args):
    if args:
        pytest.importorskip("xdist")
    pytester.makepyfile(WRONG)

    result = run("--memguard", *args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert len(errors) == 2
    assert "::TestIt::test_first)" in errors[0]
    assert "::test_last: expected" in errors[1]
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_of_very_many_wrong_markers_some_are_told(pytester, run):
    lines = ["import pytest"]
    lines += [f"@pytest.mark.memguard(runs=-{n})\ndef test_{n}(): pass" for n in range(30)]
    pytester.makepyfile("\n".join(lines))

    result = run("--memguard")

    errors = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert len(errors) == 21
    assert errors[-1] == "ERROR: memguard: 10 more wrong markers"


MEMRAY = """
import pytest

@pytest.mark.limit_memory("24 MB")
def test_it(): pass
"""


def test_the_limits_of_pytest_memray_are_honoured_without_it(pytester):
    assert marker_of(pytester, MEMRAY).limit == 24 * 2**20


@pytest.mark.parametrize("plugin", ["memray", "pytest_memray"])
def test_the_limits_of_pytest_memray_are_left_to_it_where_it_is_active(pytester, plugin):
    assert marker_of(pytester, MEMRAY, plugins=(plugin,)) is None


def test_none_on_the_command_line_overrules_the_marker(pytester):
    source = "import pytest\n@pytest.mark.memguard(confirm=True)\ndef test_it(): pass"

    assert marker_of(pytester, source, args=("--memguard-confirm=none",)).confirm is None
    assert marker_of(pytester, source, args=("--memguard-confirm=marked",)).confirm is True


def test_markers_are_listed_with_their_keywords(run):
    result = run("--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.memguard(limit=*, leak=*", "@pytest.mark.limit_memory(*"])


def test_options_are_listed_in_a_group_of_their_own(run):
    result = run("--help")

    result.stdout.fnmatch_lines(
        ["memguard: find the tests that leak memory:", "*--memguard-confirm=*", "*memguard_budget*"]
    )


def test_the_config_fits_a_terminal_of_80_columns(pytester):
    pytester.makefile(".yaml", memguard=ORIGINAL)

    text = options.show_config(configured(pytester), width=80)

    assert max(map(len, text.splitlines())) <= 80
