"""Components of a small application that processes messages: by YAML alone, by hook, by fixture, by marker."""

from __future__ import annotations

import json

import pytest

from tests.integration.suite import short

# Repetitions are tested elsewhere, and are told apart here only where they matter.
WATCHED = "--memguard-confirm=none"

MESSAGES = """
from collections import OrderedDict, deque

class Message:
    def __init__(self, number):
        self.number = number
        self.text = f"message {number} " * 20

processed = OrderedDict()
history = []
recent = deque(maxlen=5)

def weigh(recent):
    return 100 * len(recent)

def process(number):
    message = processed[number] = Message(number)
    history.append(message.text)
    recent.append(number)
"""

TESTS = """
import pytest
from shop import messages

@pytest.mark.parametrize("number", range(40))
def test_process(number):
    messages.process(number)

def test_nothing():
    pass
"""

YAML = """
memory:
  components:
    message_processing:
      track: ["shop.messages:processed", "shop.messages:history"]
      limits: {processed: 50, history: 30}
      essential: true
    recent:
      track: shop.messages:recent
      measure: shop.messages:weigh
    wrong:
      track: shop.messages:histroy
    elsewhere:
      track: shop.billing:invoices
"""

# Every call of the report hook as one line of JSON.
CONFTEST = """
import json

def pytest_memguard_component_report(usage):
    with open("usages.txt", "a", encoding="utf-8") as log:
        print(json.dumps(usage.to_json()), file=log)
"""


@pytest.fixture
def shop(suite):
    suite.write("shop/__init__.py", "")
    suite.write("shop/messages.py", MESSAGES)
    suite.write("test_messages.py", TESTS)
    suite.write("conftest.py", CONFTEST)
    return suite


def usages(suite):
    """What the report hook was told, by component and the short name of the test."""
    lines = (suite.path / "usages.txt").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return {(usage["component"], short(usage["nodeid"])): usage for usage in found}


def totals(run):
    """The components of the report, by name and worker."""
    return {(usage["component"], usage["worker"]): usage for usage in run.report["components"]}


def test_yaml_alone(shop):
    shop.write("memguard.yaml", YAML)
    run = shop.run("-v", WATCHED)

    assert run.quiet, run.out
    assert run.code == 0
    told = usages(shop)
    assert len(told) == 4 * 41
    last, idle = told["message_processing", "test_process[39]"], told["message_processing", "test_nothing"]
    assert (last["entries"], last["grown_entries"], last["over"]) == (80, 2, ["history"])
    assert last["limits"] == {"processed": 50, "history": 30}
    assert (idle["entries"], idle["grown_entries"], idle["essential"]) == (80, 0, True)
    recent = told["recent", "test_process[39]"]
    assert (recent["entries"], recent["grown_entries"], recent["bytes"]) == (5, 0, 500)
    assert told["elsewhere", "test_nothing"]["error"] == "invoices: the module shop.billing is not loaded"

    # Its growth is what it holds: the module was loaded, and empty, before the first test.
    total = totals(run)["message_processing", "main"]
    assert (total["entries"], total["grown_entries"], total["peak_entries"]) == (80, 80, 80)
    assert total["grown_bytes"] > 40 * 200
    assert list(totals(run)) == [(name, "main") for name in ("message_processing", "recent", "wrong", "elsewhere")]
    growing, over, wrong, lost = run.report["warnings"]
    assert growing.startswith("component message_processing keeps growing: +80 entries until test_messages.py::test_pr")
    assert over == "component message_processing holds more than it may: history (limit 30)"
    assert wrong.endswith("there is no 'histroy', did you mean 'history'?")
    assert lost == (
        "component elsewhere has shop.billing:invoices (memguard.yaml: memory.components), but there is no module "
        "shop.billing: correct it there, or take it out"
    )
    assert "warning: component message_processing" in run.out
    (row,) = [line for line in run.lines if line.startswith("message_processing ")]
    assert row.split()[:3] == ["message_processing", "80", f"{total['bytes'] / 1024:.1f}"]
    assert "processed 50, history 30" in row
    assert row.endswith("running, essential")
    assert "  over its limit: history" in run.lines


LOOKED_FOR = """
memory:
  components:
    orders: {track: [nowhere:orders, later:held, shop.messages:history, xml.dom.minidom:Node]}
    carts: {track: "gone.carts:held", cleanup: {gentle: "nowhere:clear"}}
"""

LATER = """
import sys

def test_late(tmp_path, monkeypatch):
    (tmp_path / "later.py").write_text("held = []", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import later
    assert not later.held

def test_later_still(monkeypatch):
    monkeypatch.delitem(sys.modules, "later")
"""


def test_modules_that_are_not_there_are_told_once_and_those_that_come_late_are_not(shop):
    shop.write("memguard.yaml", LOOKED_FOR)
    shop.write("test_messages.py", LATER)

    run = shop.run(WATCHED)

    assert run.quiet, run.out
    assert run.code == 0
    where = "(memguard.yaml: memory.components), but there is no module"
    assert run.report["warnings"] == [
        f"component {name} has {text} {where} {module}: correct it there, or take it out"
        for name, text, module in (
            ("orders", "nowhere:orders", "nowhere"),
            ("carts", "gone.carts:held", "gone"),
            ("carts", "nowhere:clear", "nowhere"),
        )
    ]
    assert run.out.count("warning: component orders has nowhere:orders") == 1


@pytest.mark.parametrize("options", [("-n2",), ("-q",)])
def test_modules_that_are_not_there_are_told_with_workers_and_with_q(shop, options):
    shop.write("memguard.yaml", LOOKED_FOR)

    assert shop.run(*options, WATCHED).out.count("warning: component orders has nowhere:orders") == 1
    assert "has nowhere" not in shop.run("--collect-only", *options, WATCHED).out


def test_without_components_nothing_is_told(shop):
    run = shop.run("-v", WATCHED)

    assert run.quiet, run.out
    assert run.report["components"] == run.report["warnings"] == []
    assert not (shop.path / "usages.txt").exists()
    assert "entries" not in run.out


HOSTILE = """
import time

class Slow:
    def __len__(self):
        time.sleep(600)

class Lying:
    entries = ["kept"]
    def __len__(self):
        return -1
    def __repr__(self):
        raise RuntimeError("no")

class Bottomless:
    def __init__(self):
        self.next = [self, [[number] for number in range(100_000)]]

slow, lying, bottomless = Slow(), Lying(), Bottomless()

def raises():
    raise SystemExit("measured to death")

def lies():
    return -10**40

def pytest_memguard_components(registry):
    registry.register("slow", track={"slow": slow})
    registry.register("lying", track={"lying": lying})
    registry.register("bottomless", track={"bottomless": bottomless})
    registry.register("raising", measure=raises)
    registry.register("bluffing", measure=lies)
    registry.register("skipping", track={"skipped": lambda: __import__("pytest").skip("not today")})
    registry.register("sound", track={"sound": [1, 2, 3]})
"""


def test_hostile_components_disturb_neither_the_suite_nor_each_other(suite):
    suite.write("conftest.py", HOSTILE)
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    run = suite.run("-W", "error", WATCHED)

    assert run.quiet, run.out
    assert run.outcomes == {"passed": 3}
    found = {name: usage for (name, _), usage in totals(run).items()}
    # Asked once, and for a second: not three times.
    assert found["slow"]["error"] == "slow: took more than 1 s, and is not asked again"
    assert found["lying"]["error"].startswith("lying: ValueError")
    assert (found["bottomless"]["entries"], found["bottomless"]["error"]) == (2, None)
    assert found["bottomless"]["bytes"] > 100_000 * 56
    assert found["raising"]["error"] == "measure: SystemExit: measured to death"
    assert found["bluffing"]["error"] == "measure: measure gave a number without end: 0 or more"
    assert found["skipping"]["error"] == "skipped: Skipped: not today"
    assert (found["sound"]["entries"], found["sound"]["error"]) == (3, None)


MISTAKES = [
    ("registry.register('cache', track=5)", "invalid track of component cache 5 from"),
    ("registry.register('recent')", "component 'recent' is registered twice: memguard.yaml"),
    ("registry.register('a', shutdown=lambda now: 0)", "it takes (now), and gets no arguments"),
]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_mistakes_end_the_run_before_it_starts(shop, workers):
    if workers == "-n2":
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    shop.write("memguard.yaml", YAML)
    call, told = MISTAKES[1]
    shop.write("conftest.py", f"def pytest_memguard_components(registry):\n    {call}\n")
    run = shop.run(*([] if workers == "-n0" else [workers]))

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert told in run.out
    assert "passed" not in run.out


@pytest.mark.parametrize(("call", "told"), [MISTAKES[0], MISTAKES[2]], ids=["track", "shutdown"])
def test_a_mistake_names_the_place(shop, call, told):
    shop.write("conftest.py", f"def pytest_memguard_components(registry):\n    {call}\n")
    run = shop.run("--collect-only", "-q")

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert told in run.out
    assert "conftest.py, line 2" in run.out


IN_TESTS = """
import pytest

kept = []

def test_has_its_own(memguard):
    cache = {}
    component = memguard.component("own", track={"cache": cache}, limits={"cache": 2})
    for number in range(5):
        cache[number] = "x" * (1000 + number)
    assert component.usage().entries == 5
    assert component.usage().over == ("cache",)
    assert component.usage().bytes > 5000
    assert component.trim() == 3
    assert list(cache) == [3, 4]

def test_has_none_of_it_any_more(memguard):
    with pytest.raises(Exception, match="unknown component 'own'"):
        memguard.component("own")
    assert memguard.component("store").usage().entries == len(kept)

@pytest.mark.memguard(component="store")
def test_retains():
    kept.append([bytearray(100_000)])
"""

OWN_CONFTEST = (
    CONFTEST
    + """
def pytest_memguard_components(registry):
    import test_own
    registry.register("store", track={"kept": lambda: test_own.kept})
"""
)


def test_in_the_tests_themselves(suite):
    suite.write("test_own.py", IN_TESTS)
    suite.write("conftest.py", OWN_CONFTEST)
    run = suite.run("--memguard-budget=unlimited")

    assert run.quiet, run.out
    told = usages(suite)
    assert sorted(told) == [
        ("own", "test_has_its_own"),
        ("store", "test_has_its_own"),
        ("store", "test_has_none_of_it_any_more"),
        ("store", "test_retains"),
    ]
    own = told["own", "test_has_its_own"]
    assert (own["entries"], own["grown_entries"]) == (2, 2)
    assert told["store", "test_retains"]["grown_entries"] == 1
    assert told["store", "test_retains"]["accounted_bytes"] > 100_000
    assert told["store", "test_has_its_own"]["accounted_bytes"] is None
    # The end of the run is that of its own tests: what repetitions add does not count.
    assert totals(run)["store", "main"]["entries"] == 1
    # What repetitions found belongs to the component; a component of a test's own is no leak.
    assert run.names("leak") == {"test_retains"}
    assert run.leak("test_retains")["component"] == "store"
    assert run.verdict("test_has_its_own") == ("clean", None)


def test_off_the_fixture_works_all_the_same(suite):
    suite.write("test_own.py", IN_TESTS)
    run = suite.run("-k", "its_own", memguard=False)

    assert run.outcomes == {"passed": 1, "deselected": 2}


MARKED = """
import pytest

@pytest.mark.memguard(component="{name}")
def test_a(): pass
"""


def test_a_marker_alone_makes_a_component(suite):
    suite.write("test_marked.py", MARKED.format(name="cart"))
    run = suite.run(WATCHED)

    assert run.quiet, run.out
    (total,) = run.report["components"]
    assert (total["component"], total["entries"]) == ("cart", None)
    assert isinstance(total["accounted_bytes"], int)


def test_a_marker_with_a_wrong_name_is_a_mistake(shop):
    shop.write("memguard.yaml", YAML)
    shop.write("test_marked.py", MARKED.format(name="recnt"))
    run = shop.run()

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "unknown component 'recnt' from @pytest.mark.memguard on test_marked.py::test_a" in run.out
    assert "did you mean 'recent'?" in run.out


def test_with_workers_each_has_its_own(shop):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    shop.write("memguard.yaml", YAML)
    shop.write(
        "test_more.py",
        """
        import pytest
        from shop import messages

        @pytest.mark.parametrize("number", range(20))
        def test_more(number):
            messages.process(number)
        """,
    )
    run = shop.run("-n2", "--dist=loadfile", "-v", WATCHED)

    assert run.quiet, run.out
    found = totals(run)
    assert {worker for _, worker in found} == {"gw0", "gw1"}
    entries = sorted(found["message_processing", worker]["entries"] for worker in ("gw0", "gw1"))
    assert entries == [40, 80]
    assert len(usages(shop)) == 4 * 61
    assert any(warning.startswith("component message_processing keeps") for warning in run.report["warnings"])
    assert sum(line.startswith("message_processing (gw") for line in run.lines) == 2


def test_growth_of_the_session_names_the_component_that_grew(suite):
    suite.write("stock.py", "pictures = []\nlabels = []\n")
    suite.write(
        "test_stock.py",
        """
        import pytest
        import stock

        @pytest.mark.parametrize("number", range(40))
        def test_take(number):
            stock.pictures.append(bytearray(b"x" * 3_000_000))
        """,
    )
    suite.write(
        "memguard.yaml",
        """
        memory:
          components:
            pictures: {track: stock:pictures}
            labels: {track: stock:labels}
        """,
    )
    run = suite.run(WATCHED, "--memguard-fail-on=growth")

    assert run.quiet, run.out
    assert (run.code, run.outcomes) == (1, {"failed": 1, "passed": 40})
    assert "GROWTH test_stock.py::test_take[39] - +" in run.out
    growth = run.report["session"]["growth"]
    assert growth["suspected"]
    assert growth["reason"].endswith("component pictures grew meanwhile")
    (warning,) = run.report["warnings"]
    assert warning.startswith("component pictures keeps growing: +40 entries")
    found = totals(run)
    assert found["pictures", "main"]["grown_bytes"] == pytest.approx(40 * 3_000_000, rel=0.05)
    assert found["labels", "main"]["grown_entries"] == 0
