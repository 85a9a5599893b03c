"""Mistakes in options and ini files."""

from __future__ import annotations

from tests.integration.mistakes import Bad, ini, native, option

MODES = "all, suspects, marked or none"
CLI = "from the command line"
OPTIONS = [
    option(
        "a mode that does not exist",
        "--memguard-confirm=suspect",
        told=("'suspect'", CLI, MODES, "did you mean 'suspects'?"),
    ),
    option(
        "an option that does not exist",
        "--memguard-buget=30s",
        told=("'--memguard-buget'", CLI, "--memguard-budget", "did you mean '--memguard-budget'?"),
    ),
    option(
        "a budget without a unit",
        "--memguard-budget=60",
        told=("'60'", CLI, "a duration such as", 'write "60s" or "60%"'),
    ),
    option("a budget below zero", "--memguard-budget=-5s", told=("'-5s'", CLI, "it cannot be negative")),
    option(
        "a budget in a unit that does not exist",
        "--memguard-budget=5 weeks",
        told=("'5 weeks'", CLI, "a duration such as"),
    ),
    option("a budget that is no number", "--memguard-budget=nan", told=("'nan'", CLI, "a duration such as")),
    option(
        "a budget beyond bounds",
        "--memguard-budget=9999999%",
        told=("'9999999%'", CLI, "a percentage of the suite's own run", 'write "unlimited"'),
    ),
    option("an empty budget", "--memguard-budget=", told=("''", CLI, "a duration such as")),
    option(
        "something to fail on that does not exist",
        "--memguard-fail-on=leaks",
        told=("'leaks'", CLI, "leak, limit, pressure or growth", "did you mean 'leak'?"),
    ),
    option(
        "never, and something besides", "--memguard-fail-on=leak,never", told=("'leak,never'", CLI, 'or "never" alone')
    ),
    option("nothing to fail on", "--memguard-fail-on=", told=("''", CLI, "a comma list of")),
    option(
        "a settings file that does not exist",
        "--memguard-config=memgard.yml",
        told=("memgard.yml", "from the command line", "does not exist", "leave it out"),
    ),
    option("a report without a name", "--memguard-json=", told=("''", CLI, "the path of a file")),
    Bad(
        title="a report where a directory is",
        args=("--memguard-json=out",),
        folders=("out",),
        told=("'out'", CLI, "it is a directory", "add the name of a file"),
    ),
    option(
        "a report in a directory that does not exist",
        "--memguard-json=no/out.json",
        told=("'no/out.json'", CLI, "there is no directory", "create the directory first"),
    ),
    Bad(
        title="a history that is another program's file",
        args=("--memguard-history=notes.md",),
        files={"notes.md": "# Notes\n"},
        told=("notes.md", CLI, "it is no history of pytest-memguard", "this one is left as it is"),
    ),
    option(
        "two mistakes at once", "--memguard-confirm=every", "--memguard-budget=soon", told=("'every'", CLI, "'soon'")
    ),
    option("a bad value by -o", "-o", "memguard_confirm=most", told=("'most'", "from -o on the command line", MODES)),
    Bad(
        title="a bad option in addopts",
        files={"pytest.ini": "[pytest]\naddopts = --memguard-confirm=some\n"},
        told=("'some'", "from addopts or PYTEST_ADDOPTS", MODES),
    ),
]

INI = [
    ini(
        "a mode that does not exist",
        "memguard_confirm = suspicious",
        told=("'suspicious'", "from pytest.ini", MODES, "did you mean 'suspects'?"),
    ),
    ini(
        "an entry that does not exist",
        "memguard_confrim = all",
        told=(
            "'memguard_confrim'",
            "from pytest.ini",
            "expected memguard, memguard_config",
            "did you mean 'memguard_confirm'?",
        ),
    ),
    ini(
        "a switch that is neither on nor off",
        "memguard = perhaps",
        told=("'perhaps'", "from pytest.ini", "true or false"),
    ),
    ini(
        "a budget without a unit",
        "memguard_budget = 30",
        told=("'30'", "from pytest.ini", "a duration such as", 'write "30s" or "30%"'),
    ),
    ini(
        "something to fail on that does not exist",
        "memguard_fail_on = leak, crash",
        told=("'leak, crash'", "from pytest.ini", "leak, limit, pressure or growth"),
    ),
    ini(
        "a settings file that does not exist",
        "memguard_config = conf/memguard.yaml",
        told=("conf/memguard.yaml", "(from pytest.ini)", "does not exist", "check the path"),
    ),
    Bad(
        title="an entry that does not exist, in setup.cfg",
        files={"setup.cfg": "[tool:pytest]\nmemguard_jsn = out.json\n"},
        told=("'memguard_jsn'", "from setup.cfg", "memguard_json", "did you mean 'memguard_json'?"),
    ),
    Bad(
        title="a bad value in pyproject.toml",
        files={"pyproject.toml": '[tool.pytest.ini_options]\nmemguard_fail_on = ["leek"]\n'},
        told=("['leek']", "from pyproject.toml", "leak, limit, pressure or growth", "did you mean 'leak'?"),
    ),
    native(
        "a number where native TOML needs a duration",
        "memguard_budget = 30",
        told=("30", "from pyproject.toml", "a duration such as", 'write "30s" or "30%"'),
    ),
    native(
        "a switch where native TOML needs a word",
        "memguard_confirm = true",
        told=("True", "from pyproject.toml", MODES),
    ),
    native(
        "a number where native TOML needs a switch", "memguard = 1", told=("1", "from pyproject.toml", "true or false")
    ),
    native(
        "a list of numbers where native TOML needs words",
        "memguard_fail_on = [1]",
        told=("[1]", "from pyproject.toml", "a comma list of"),
    ),
]
