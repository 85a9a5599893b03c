"""The table of settings, and how layers become one set of values with origins."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_memguard.errors import CombinedError, ConflictError, SettingError
from pytest_memguard.settings import Given, MarkerSettings, Settings, StrategySpec, resolve, words
from pytest_memguard.settings import parsers as p
from pytest_memguard.settings.fields import specs
from pytest_memguard.settings.resolve import read
from pytest_memguard.settings.show import show_config

TABLE = {spec.name: spec for spec in specs(Settings)}


def test_every_field_of_the_settings_is_an_entry_of_the_table():
    assert [field.name for field in dataclasses.fields(Settings)] == list(TABLE)


def test_the_defaults_are_those_of_the_original_system():
    found = Settings()

    assert (found.check_interval_s, found.history_size, found.pressure_window) == (30.0, 100, 10)
    assert (found.leak_detection_window, found.leak_growth_threshold, found.gc_efficiency_threshold) == (15, 0.03, 0.1)
    assert (found.warning, found.critical, found.emergency) == (0.8, 0.9, 0.95)
    assert (found.rss_bytes, found.external_bytes) == (1073741824, 536870912)
    assert (found.alert_cooldown_s, found.emergency_cooldown_s) == (300.0, 60.0)


@pytest.mark.parametrize("table", [Settings, MarkerSettings])
def test_every_entry_says_in_a_few_words_what_it_is_for(table):
    for spec in specs(table):
        assert 10 < len(spec.help) < 140, spec.name
        assert not spec.help.endswith("."), spec.name


def test_every_default_can_be_shown():
    assert all(spec.show(spec.default) for spec in TABLE.values())


def test_every_way_to_give_a_setting_leads_to_one_setting():
    ways = [way for spec in TABLE.values() for way in (spec.option, spec.ini, *spec.yaml, *(spec.flags or {})) if way]

    assert len(ways) == len(set(ways))


def test_without_layers_everything_is_default():
    resolved = resolve([])

    assert resolved.settings == Settings()
    assert set(resolved.origins.values()) == {"default"}


def test_the_higher_layer_wins_and_each_value_keeps_its_origin():
    yaml = {"rounds": Given(value=7, origin="memguard.yaml: memory.confirm.rounds"), "runs": Given(value=2, origin="f")}
    ini = {"rounds": Given(value=8, origin="pytest.ini")}
    command_line = {"confirm": Given(value="none", origin="the command line")}

    resolved = resolve([yaml, ini], command_line=command_line)

    assert (resolved.settings.rounds, resolved.settings.runs, resolved.settings.confirm) == (8, 2, "none")
    assert resolved.origins["rounds"] == "pytest.ini"
    assert resolved.origins["runs"] == "f"
    assert resolved.origins["confirm"] == "the command line"
    assert resolved.origins["budget"] == "default"
    assert resolved.on_command_line == {"confirm"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"warning": 0.95}, ["warning 95% (here) must be below critical 90% (default)"]),
        ({"critical": 0.95}, ["critical 95% (here) must be below emergency 95% (default)"]),
        ({"history_size": 12}, ["leak_detection_window 15 (default) must be at most history_size 12 (here)"]),
        ({"history_size": 8}, ["leak_detection_window 15 (default)", "pressure_window 10 (default) must be at most"]),
        (
            {"rounds": 40},
            ["rounds 40 (here) must be at most escalation_rounds 32 (default)", "raise escalation_rounds"],
        ),
    ],
)
def test_values_that_contradict_each_other_are_told_with_both_origins(given, told):
    with pytest.raises((ConflictError, CombinedError)) as caught:
        resolve([{name: Given(value=value, origin="here") for name, value in given.items()}])

    assert all(part in str(caught.value) for part in told)


def test_settings_that_contradict_each_other_cannot_be_made():
    with pytest.raises(ValueError, match="warning must be below critical"):
        Settings(warning=0.9, critical=0.9)


def test_a_value_that_cannot_be_read_is_told_with_its_name_and_origin():
    with pytest.raises(SettingError) as caught:
        read(TABLE["confirm"], "suspect", name="memguard_confirm", origin="tox.ini")

    assert "invalid memguard_confirm 'suspect' from tox.ini: expected all, suspects, marked or none" in str(
        caught.value
    )
    assert caught.value.remedy == "did you mean 'suspects'?"


READ = [
    (p.boolean, True, True),
    (p.ini_boolean, "On", True),
    (p.ini_boolean, " no ", False),
    (p.ini_boolean, False, False),
    (p.whole(least=2), 2, 2),
    (p.size(least=1), "1 KB", 1000),
    (p.size_or_auto, "AUTO", None),
    (p.size_or_auto, "400MiB", 400 * 2**20),
    (p.duration_in_ms(), 300000, 300.0),
    (p.duration_in_ms(), "5m", 300.0),
    (p.duration_of(), "2s", 2.0),
    (p.file_path, " out.json ", Path("out.json")),
    (p.text, " why ", "why"),
    (p.names, "shop", ("shop",)),
    (p.names, ["shop", "cart", "shop"], ("shop", "cart")),
    (p.names, [], ()),
    (p.word(("a", "b")), " A ", "a"),
    (p.words(("a", "b"), nothing="never"), "b,a", ("a", "b")),
    (p.words(("a", "b"), nothing="never"), ["b"], ("b",)),
    (p.words(("a", "b"), nothing="never"), "never", ()),
]
REFUSED = [
    (p.boolean, "true", "true or false"),
    (p.boolean, 1, "true or false"),
    (p.ini_boolean, "perhaps", "true or false"),
    (p.ini_boolean, 1, "true or false"),
    (p.whole(least=2, most=5), 1, "a whole number from 2 to 5"),
    (p.whole(least=2, most=5), 6, "a whole number from 2 to 5"),
    (p.whole(), True, "a whole number"),
    (p.whole(), 1.0, "a whole number"),
    (p.whole(), "1", "a whole number"),
    (p.size(least=1), 0, "at least 1 B"),
    (p.size_or_auto, "0", '"auto" or a size'),
    (p.duration_in_ms(least=0.01), 5, "at least 10ms"),
    (p.duration_of(), 5, "a duration"),
    (p.file_path, "", "the path of a file"),
    (p.file_path, "a\0b", "the path of a file"),
    (p.file_path, ["a"], "the path of a file"),
    (p.text, "  ", "text that is not empty"),
    (p.text, 5, "text that is not empty"),
    (p.names, [""], "a name or a list of names"),
    (p.names, [5], "a name or a list of names"),
    (p.names, None, "a name or a list of names"),
    (p.word(("a", "b")), "c", "a or b"),
    (p.word(("a", "b")), None, "a or b"),
    (p.words(("a", "b"), nothing="never"), "a,never", 'or "never" alone'),
    (p.words(("a", "b"), nothing="never"), "", "a comma list"),
    (p.words(("a", "b"), nothing="never"), [], "a comma list"),
    (p.words(("a", "b"), nothing="never"), [1], "a comma list"),
]


@pytest.mark.parametrize(("parse", "value", "expected"), READ)
def test_what_the_parsers_read(parse, value, expected):
    assert parse(value) == expected


@pytest.mark.parametrize(("parse", "value", "told"), REFUSED)
def test_what_the_parsers_refuse(parse, value, told):
    with pytest.raises(ValueError, match=told):
        parse(value)


def test_the_settings_are_shown_in_columns():
    long = Given(value=9, origin="memguard.yaml: memory.monitoring.leakDetectionWindow")
    resolved = resolve(
        [{"leak_detection_window": long}], command_line={"confirm": Given(value="none", origin="the cli")}
    )

    wide = show_config(resolved, width=120).splitlines()
    narrow = show_config(resolved, width=80).splitlines()

    assert [line.split()[:2] for line in wide[:1]] == [["setting", "value"]]
    assert "confirm                  none         the cli" in wide
    assert any(line.endswith("  9            memguard.yaml: memory.monitoring.leakDetectionWindow") for line in wide)
    assert max(map(len, wide)) <= 120
    assert max(map(len, narrow)) <= 80
    assert [line.split()[0] for line in wide[2:]] == [spec.name for spec in TABLE.values() if not spec.is_action]


def test_a_value_too_long_for_its_column_goes_on_below():
    packages = Given(value=tuple(f"package_{number}" for number in range(40)), origin="x" * 200)

    shown = show_config(resolve([{"packages": packages}]), width=80)

    assert max(map(len, shown.splitlines())) <= 80
    assert "package_39" in shown


@pytest.mark.parametrize(
    ("strategies", "expected"),
    [
        (StrategySpec(), "built-in"),
        (StrategySpec(levels={"gentle": ("expire", "gc")}), "gentle: expire, gc"),
        (StrategySpec(between_tests="gentle"), "gentle after every test"),
        (StrategySpec(between_tests="gentle", every=5), "gentle after every 5 tests"),
        (StrategySpec(between_modules="moderate"), "moderate after every module"),
    ],
)
def test_how_strategies_are_shown(strategies, expected):
    assert words.strategies(strategies) == expected
