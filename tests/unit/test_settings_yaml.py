"""The YAML file: bounds on what it may be, and what its keys mean."""

from __future__ import annotations

import datetime as dt
import os
import re
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from pytest_memguard.errors import CombinedError, ConfigFileError, MemguardError
from pytest_memguard.settings import ComponentSpec, Settings, resolve
from pytest_memguard.settings.yamlfile import MAX_BYTES, parse, read
from pytest_memguard.settings.yamlkeys import layer_of
from pytest_memguard.units import Budget

# The memory block as the original system's documentation has it, to the letter.
ORIGINAL = """\
memory:
  monitoring:
    enabled: true
    checkInterval: 30000        # 30 seconds
    historySize: 100           # Keep 100 samples
    pressureWindow: 10         # 10 samples for pressure calculation
    leakDetectionWindow: 15    # 15 samples for leak detection
    leakGrowthThreshold: 0.03  # 3% growth per sample
    gcEfficiencyThreshold: 0.10 # 10% minimum GC efficiency
    
  thresholds:
    warning: 0.80              # 80% - warning level
    critical: 0.90             # 90% - critical level
    emergency: 0.95            # 95% - emergency level
    rss: 1073741824           # 1GB RSS threshold
    external: 536870912       # 512MB external threshold
    
  cleanup:
    enabled: true
    autoCleanup: true
    emergencyShutdown: true
    
  alerts:
    enabled: true
    cooldown: 300000          # 5 minutes between alerts
    emergencyCooldown: 60000  # 1 minute between emergency alerts
"""  # noqa: W293


def layer(text):
    return layer_of(parse(textwrap.dedent(text), label="memguard.yaml"), label="memguard.yaml")


def settings(text):
    return resolve([layer(text)]).settings


def message(text):
    with pytest.raises(MemguardError) as caught:
        layer(text)
    return str(caught.value)


def test_the_original_block_gives_the_defaults_each_from_its_key():
    found = layer(ORIGINAL)

    assert resolve([found]).settings == Settings()
    assert len(found) == 18
    assert found["check_interval_s"].origin == "memguard.yaml: memory.monitoring.checkInterval"


def test_the_original_block_is_read_in_snake_case_too():
    snake = re.sub(r"(?<=[a-z])([A-Z])(?=\w*:)", lambda match: f"_{match[1].lower()}", ORIGINAL)

    assert "check_interval: 30000" in snake
    assert {name: given.value for name, given in layer(snake).items()} == {
        name: given.value for name, given in layer(ORIGINAL).items()
    }


def test_every_key_of_the_original_block_can_be_changed():
    changed = settings("""
        memory:
          monitoring: {enabled: false, checkInterval: 500, historySize: 50, pressureWindow: 5, leakDetectionWindow: 20,
                       leakGrowthThreshold: "5%", gcEfficiencyThreshold: 0.2}
          thresholds: {warning: 0.5, critical: "60%", emergency: 0.7, rss: 2 GiB, external: 100 MB}
          cleanup: {enabled: false, autoCleanup: false, emergencyShutdown: false}
          alerts: {enabled: false, cooldown: 1m, emergencyCooldown: 1500}
        """)

    assert changed == Settings(
        monitoring_enabled=False, check_interval_s=0.5, history_size=50, pressure_window=5, leak_detection_window=20,
        leak_growth_threshold=0.05, gc_efficiency_threshold=0.2, warning=0.5, critical=0.6, emergency=0.7,
        rss_bytes=2 * 2**30, external_bytes=100_000_000, cleanup_enabled=False, auto_cleanup=False,
        emergency_shutdown=False, alerts_enabled=False, alert_cooldown_s=60.0, emergency_cooldown_s=1.5,
    )  # fmt: skip


def test_confirm_as_a_word():
    assert settings("memory: {confirm: suspects}").confirm == "suspects"


def test_confirm_as_a_mapping():
    found = settings("""
        memory:
          limit: 400MiB
          confirm:
            mode: marked
            packages: [shop, billing]
            runs: 2
            budget: 50%
            rounds: 4
            floors: {blocks: 3, heap: 1 KiB}
            escalation: {rounds: 64, time: 5s}
          report: {failOn: [leak, growth], json: out.json}
        """)

    assert found == Settings(
        limit_bytes=400 * 2**20, confirm="marked", packages=("shop", "billing"), runs=2, budget=Budget(share=0.5),
        rounds=4, floor_blocks=3, floor_heap_bytes=1024, escalation_rounds=64, escalation_s=5.0,
        fail_on=("leak", "growth"), json=Path("out.json"),
    )  # fmt: skip


def test_the_history_as_a_file_or_a_mapping():
    assert settings("memory: {history: runs.db}") == Settings(history=Path("runs.db"))
    found = settings("""
        memory:
          history: {file: runs.db, runs: 20, keep: 50, tolerance: 2 MiB, tolerancePercent: 12.5}
        """)

    assert found == Settings(
        history=Path("runs.db"), history_runs=20, history_keep=50, history_tolerance_bytes=2 << 20,
        history_tolerance=0.125,
    )  # fmt: skip
    assert settings("memory: {history: {tolerance_percent: 150%}}").history_tolerance == 1.5


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("runs: 2", "expected a whole number from 5 to 500"),
        ("tolerance: 0", "expected a size of at least 65536 B"),
        ("tolerancePercent: some", 'expected a percentage such as 20 or "20%"'),
        ("tolerancePercent: -1", 'expected a percentage such as 20 or "20%"'),
        ("tolerancePercent: true", 'expected a percentage such as 20 or "20%"'),
        ("keep: 8, runs: 9", "history_runs 9 (memguard.yaml: memory.history.runs) must be at most history_keep 8"),
        ("file: ''", "expected the path of a file"),
        ("fil: runs.db", "did you mean 'file'?"),
    ],
)
def test_a_history_that_makes_no_sense(inside, told):
    with pytest.raises(MemguardError) as caught:
        settings(f"memory: {{history: {{{inside}}}}}")
    assert told in str(caught.value)


def test_escalation_as_a_number():
    assert settings("memory: {confirm: {escalation: 100}}").escalation_rounds == 100


def test_limit_auto_is_the_default_written_out():
    assert settings("memory: {limit: auto}").limit_bytes is None


@pytest.mark.parametrize("text", ["", "# nothing", "memory:", "memory: {}", "memory:\n  monitoring:\n  components:\n"])
def test_what_is_commented_out_is_not_wrong(text):
    assert layer(text) == {}


def test_components_strategies_and_suppressions_are_checked_and_kept():
    found = settings("""
        memory:
          components:
            message_processing:
              track: ["shop.messages:processed", "shop.messages:Box.history"]
              limits: {processed: 50, history: 500}
              cleanup: {gentle: "shop.messages:expire", aggressive: "shop.messages:reset"}
              shutdown: "shop.messages:stop"
              restart: "shop.messages:start"
              essential: false
            cache: {}
          strategies:
            gentle: [expire, young_gc]
            emergency: everything
            between_tests: gentle
            every: 10
            betweenModules: moderate
          suppressions:
            - {test: "tests/test_cart.py::*", type: shop.Order, reason: known since March, expires: 2027-01-31}
            - {package: numpy, reason: their pool, expires: "2027-02-28"}
            - {site: "*/cache.py", reason: until the next release, expires: 2027-03-01 12:00:00}
        """)

    first, second = found.components
    assert first == ComponentSpec(
        name="message_processing", track=("shop.messages:processed", "shop.messages:Box.history"),
        limits={"processed": 50, "history": 500},
        cleanup={"gentle": "shop.messages:expire", "aggressive": "shop.messages:reset"},
        shutdown="shop.messages:stop", restart="shop.messages:start", essential=False,
    )  # fmt: skip
    assert second == ComponentSpec(name="cache")
    assert found.strategies.levels == {"gentle": ("expire", "young_gc"), "emergency": ("everything",)}
    assert (found.strategies.between_tests, found.strategies.every, found.strategies.between_modules) == (
        "gentle", 10, "moderate",
    )  # fmt: skip
    known, pool, cache = found.suppressions
    assert known.patterns == {"test": "tests/test_cart.py::*", "type": "shop.Order"}
    assert (known.reason, known.expires) == ("known since March", dt.date(2027, 1, 31))
    assert pool.expires == dt.date(2027, 2, 28)
    assert cache.expires == dt.date(2027, 3, 1)
    assert re.fullmatch(r"memguard\.yaml, line \d+", pool.origin)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory: {limit: 0}", 'memory.limit 0 from memguard.yaml, line 1: expected "auto" or a size'),
        ("memory: {limit: [1]}", "invalid memory.limit [1]"),
        ("memory:\n  limit:", "give it a value"),
        ("memory: 5", "invalid memory 5 from memguard.yaml, line 1: expected a mapping of confirm,"),
        ("memory: {monitoring: [1]}", "invalid memory.monitoring [1]"),
        ("memory: {monitoring: {checkInterval: 5}}", "a duration of at least 10ms"),
        ("memory: {monitoring: {checkInterval: '1:30'}}", "'1:30'"),
        ("memory: {monitoring: {checkInterval: 1:30}}", "'1:30'"),
        ("memory: {monitoring: {historySize: .nan}}", "a whole number"),
        ("memory: {monitoring: {historySize: true}}", "a whole number"),
        ("memory: {monitoring: {leakDetectionWindow: 2}}", "a whole number from 3"),
        ("memory: {monitoring: {leakGrowthThreshold: .inf}}", "it must be finite"),
        ("memory: {monitoring: {checkInterval: 1, check_interval: 2}}", "one spelling: checkInterval is the same"),
        ("memory: {monitoring: {warning: 0.5}}", "it belongs under memory.thresholds"),
        ("memory: {thresholds: {warning: 80}}", 'for 80 percent write "80%"'),
        ("memory: {cleanup: {enabled: 'true'}}", "expected true or false"),
        ("memory: {confirm: no}", "YAML reads a bare yes, no, on and off as true or false"),
        ("memory: {confirm: {mode: sometimes}}", "invalid memory.confirm.mode 'sometimes'"),
        ("memory: {confirm: {budget: 30}}", 'write "30s" or "30%"'),
        ("memory: {confirm: {rounds: 1}}", "a whole number from 2"),
        ("memory: {confirm: {floors: {block: 1}}}", "did you mean 'blocks'?"),
        ("memory: {report: {failOn: everything}}", "a comma list of leak"),
        ("memory: {components: [a]}", "a mapping of component names"),
        ("memory: {components: {a: [b]}}", "invalid memory.components.a ['b']"),
        ("memory: {components: {'': {}}}", "a name that is not empty"),
        ("memory: {components: {a: {track: shop}}}", '"module:attribute"'),
        ("memory: {components: {a: {track: [5]}}}", '"module:attribute"'),
        ("memory: {components: {a: {shutdown: 'shop:stop()'}}}", '"module:attribute"'),
        ("memory: {components: {a: {essential: maybe}}}", "true or false"),
        ("memory: {components: {a: {cleanup: {gentel: 'm:f'}}}}", "did you mean 'gentle'?"),
        ("memory: {components: {a: {cleanup: 'm:f'}}}", "a mapping of cleanup levels"),
        ("memory: {components: {a: {limits: {x: 1}}}}", "track to name what the limits are for"),
        (
            "memory: {components: {a: {track: ['m:x'], limits: {y: 1}}}}",
            "unknown key of memory.components.a.limits 'y'",
        ),
        ("memory: {components: {a: {track: ['m:x'], limits: {x: -1}}}}", "a whole number from 0"),
        ("memory: {components: {a: {track: ['m:x'], limits: [x]}}}", "a mapping of tracked names"),
        ("memory: {components: {a: {essential: true, Essential: true}}}", "unknown key"),
        ("memory: {strategies: {gentle: 5}}", "a name or a list of names"),
        ("memory: {strategies: {between_tests: soft}}", "gentle, moderate, aggressive or emergency"),
        ("memory: {strategies: {between_tests: gentle, betweenTests: gentle}}", "given once, not in two spellings"),
        ("memory: {strategies: {every: 5}}", "between_tests to be set too"),
        ("memory: {strategies: [gentle]}", "a mapping of cleanup levels"),
        ("memory: {suppressions: {test: x}}", "a list of mappings"),
        ("memory: {suppressions: [x]}", "invalid memory.suppressions.0 'x'"),
        ("memory: {suppressions: [{test: x}]}", "say why this leak is accepted"),
        ("memory: {suppressions: [{reason: x}]}", "at least one pattern"),
        ("memory: {suppressions: [{tests: x, reason: y}]}", "did you mean 'test'?"),
        ("memory: {suppressions: [{test: x, reason: y, expires: tomorrow}]}", "a date such as 2027-01-31"),
        ("memroy: {}", "unknown top-level key 'memroy' from memguard.yaml, line 1: expected memory"),
        ("monitoring: {}", "put it under `memory:`"),
        ("- memory", "expected a mapping with the key 'memory'"),
        ("memory", "expected a mapping with the key 'memory'"),
    ],
)
def test_a_wrong_document_is_told_what_is_wrong(text, words):
    assert words in message(text)


def test_all_mistakes_of_a_file_are_told_at_once_with_their_lines():
    found = message("""\
        memory:
          limit: lots
          thresholds:
            warning: 80
          suppressions:
            - test: x
            - reason: y
        """)

    assert re.findall(r"line (\d)", found) == ["2", "4", "6", "7"]


def test_an_unprintable_key_does_not_reach_the_terminal():
    assert "\x1b" not in message('memory: {components: {"\\e[31m": {track: 5}}}')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory:\n  limit: 1\n  limit: 2", "line 3: key 'limit' is already in line 2"),
        ("memory: {}\nmemory: {}", "line 2: key 'memory' is already in line 1"),
        ("? [a, b]\n: c", "line 1: a key is a list or a mapping"),
        ("a: b\n---\nc: d", "line 2 is not valid YAML: expected a single document"),
        ("memory:\n\tlimit: 1", "line 2 is not valid YAML"),
        ("memory: {", "is not valid YAML"),
        ("memory: *nothing", "undefined alias"),
        ("memory: 'open", "line 1 is not valid YAML"),
        ("memory: !!python/object/apply:os.system [ls]", "tag '!!python/object/apply:os.system' is not supported"),
        ("memory: !!set {a}", "tag '!!set' is not supported"),
        ("memory: !mine 5", "tag '!mine' is not supported"),
        ("memory: !!int five", "'five' is not a valid int"),
        ("memory: !!bool perhaps", "'perhaps' is not a valid bool"),
        ("memory: !!timestamp now", "'now' is not a valid timestamp"),
        ("memory: 2026-99-99", "'2026-99-99' is not a valid timestamp"),
        ("memory: =", "tag '!!value' is not supported"),
        ("[" * 100 + "]" * 100, "nested deeper than 50 levels"),
        ("a: &a [*a]", "an alias refers to what contains it"),
        ("a: &a {<<: *a}", "<< merges a mapping into itself"),
        ("a: {<<: 5}", "<< merges something that is no mapping"),
        ('memory: "\\U00110000"', "a number in an escape or directive is out of range"),
        ("memory: a\0b", "unacceptable character"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_settings_file_is_told_so(text, words):
    with pytest.raises(ConfigFileError) as caught:
        parse(text, label="memguard.yaml")

    assert "settings file memguard.yaml" in str(caught.value)
    assert words in str(caught.value)


def bomb(join):
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {join.format(n=n - 1)}" for n in range(1, 40)]
    return "\n".join(lines)


@pytest.mark.parametrize("join", ["[*a{n}, *a{n}, *a{n}]", "{{x: *a{n}, y: *a{n}}}", "{{<<: [*a{n}, *a{n}]}}"])
def test_aliases_of_aliases_are_counted_as_they_expand(join):
    with pytest.raises(ConfigFileError, match="more than 20000 values once its aliases are expanded"):
        parse(bomb(join), label="memguard.yaml")


def test_anchors_and_merges_in_moderation_are_fine():
    found = settings("""
        memory:
          alerts: &shared
            enabled: false
          cleanup:
            <<: *shared
            autoCleanup: false
        """)

    assert (found.alerts_enabled, found.cleanup_enabled, found.auto_cleanup) == (False, False, False)


def test_what_stands_in_the_mapping_wins_over_what_is_merged_in():
    document = parse("a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc:\n  <<: [*a, *b]\n  x: 3", label="f")

    assert document.data["c"] == {"x": 3, "y": 1}
    assert document.lines["c", "x"] == 5


def test_keys_are_the_text_that_was_written():
    assert parse("on: 1\n2: x\n2027-01-01: z", label="f").data == {"on": 1, "2": "x", "2027-01-01": "z"}


def test_a_file_is_read_with_or_without_byte_order_mark(tmp_path):
    (tmp_path / "m.yaml").write_bytes("\ufeffmemory: {limit: 1 MB} # ü".encode())

    assert read(str(tmp_path / "m.yaml"), label="m.yaml", origin="pytest.ini").data == {"memory": {"limit": "1 MB"}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"memory:\n  # \xff\n", "is not UTF-8: byte 0xff in line 2"),
        ("memory: {}".encode("utf-16"), "is not UTF-8: byte 0xff in line 1"),
        (b"#" * (MAX_BYTES + 1), "is larger than 1 MiB"),
    ],
)
def test_a_file_of_another_kind_is_told_so(tmp_path, content, words):
    (tmp_path / "m.yaml").write_bytes(content)

    with pytest.raises(ConfigFileError, match=words):
        read(str(tmp_path / "m.yaml"), label="m.yaml", origin="pytest.ini")


def test_a_missing_file_tells_the_one_that_is_there(tmp_path):
    (tmp_path / "memguard.yml").touch()

    with pytest.raises(ConfigFileError, match=r"\(from pytest\.ini\) does not exist\n  did you mean 'memguard\.yml'\?"):
        read(str(tmp_path / "memgard.yml"), label="memgard.yml", origin="pytest.ini")


def test_a_missing_directory_is_told_too(tmp_path):
    with pytest.raises(ConfigFileError, match="its directory does not exist either"):
        read(str(tmp_path / "no" / "m.yaml"), label="m.yaml", origin="pytest.ini")


def test_a_missing_file_among_nothing_like_it(tmp_path):
    with pytest.raises(ConfigFileError, match="leave it out"):
        read(str(tmp_path / "m.yaml"), label="m.yaml", origin="pytest.ini")


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigFileError, match="is a directory"):
        read(str(tmp_path), label="conf", origin="pytest.ini")


def test_a_file_that_cannot_be_opened_tells_why(tmp_path):
    os.symlink("loop.yaml", tmp_path / "loop.yaml")

    with pytest.raises(ConfigFileError, match=r"cannot be read: .*symbolic links"):
        read(str(tmp_path / "loop.yaml"), label="loop.yaml", origin="pytest.ini")


def test_a_path_that_is_none(tmp_path):
    with pytest.raises(ConfigFileError, match="cannot be read"):
        read("a\0b", label="a", origin="pytest.ini")


# The machine may be busy: how long an example takes says nothing here.
UNTIMED = fuzzing(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.text(max_size=8),
    st.sampled_from(["50 MB", "5s", "80%", "gentle", "all", "m:f"]),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(
        [
            "memory",
            "monitoring",
            "thresholds",
            "cleanup",
            "alerts",
            "confirm",
            "components",
            "strategies",
            "suppressions",
            "report",
            "limit",
            "floors",
            "escalation",
            "mode",
            "packages",
            "rounds",
            "track",
            "limits",
            "reason",
            "test",
            "expires",
            "every",
            "gentle",
            "json",
            "failOn",
            "<<",
        ]
    ),
    st.text(max_size=5),
)
TREES = st.recursive(
    SCALARS, lambda inside: st.lists(inside, max_size=4) | st.dictionaries(KEYS, inside, max_size=4), max_leaves=25
)


def outcome(text):
    """What becomes of *text*: nothing but a message, or settings."""
    try:
        return layer_of(parse(text, label="f"), label="f")
    except MemguardError as exc:
        return str(exc)


@UNTIMED
@given(st.dictionaries(st.just("memory"), st.dictionaries(KEYS, TREES)))
def test_any_tree_is_read_or_refused_with_a_message(tree):
    assert isinstance(outcome(yaml.safe_dump(tree, allow_unicode=True)), (dict, str))


@UNTIMED
@given(st.text(alphabet=st.sampled_from("memory: {}[]&*a!<>|-?\n\t'\"\\#%@,.0123e~=xuU\0\x85\ufeff"), max_size=60))
@example("%YAML 1." + "9" * 5000 + "\n---\n")
@example('"\\x"')
@example("!<tag:yaml.org,2002:int> x")
@example("? ? ? ?")
def test_any_text_is_read_or_refused_with_a_message(text):
    assert isinstance(outcome(text), (dict, str))


def test_several_errors_are_one():
    with pytest.raises(CombinedError) as caught:
        layer("memory: {limit: x, confirm: y}")

    assert len(caught.value.errors) == 2
