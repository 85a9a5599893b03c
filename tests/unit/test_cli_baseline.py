"""``memguard baseline``: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.cli import main
from pytest_memguard.report import jsonfile
from tests.unit.reported import CHECKOUT, LEAK, LOW, NATIVE, SUPPRESSED, THIRD_PARTY, run


@pytest.fixture
def memguard(capsys, monkeypatch, tmp_path):
    """Runs the command in an empty folder; gives the exit status and both outputs."""
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        status = main(["baseline", *map(str, arguments)])
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


@pytest.fixture
def report(tmp_path):
    """Writes a report."""

    def write(name, *leaks, accepted=()):
        text = "".join(jsonfile.render(replace(run(*leaks), accepted=tuple(accepted))))
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return write


def fixed(signature, state="fixed"):
    return Acceptance(
        source="baseline", origin="known.yaml, line 5", patterns={"signature": signature}, reason="r", state=state
    )


def test_all_shards_are_accepted_together_and_once(memguard, report, tmp_path):
    one, two = report("one.json", LEAK, LOW, THIRD_PARTY, SUPPRESSED), report("two.json", LEAK, NATIVE)

    status, out, err = memguard("update", "known.yaml", one, two, "--reason", "before 2.0", "--expires", "2031-12-31")

    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "known.yaml: 2 added"
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["+", "3fa9c1d2e4"], ["+", "beef01"]]
    text = (tmp_path / "known.yaml").read_text("utf-8")
    assert text.count('reason: "before 2.0"\n') == text.count("expires: 2031-12-31\n") == 2
    assert memguard("update", "known.yaml", one, two)[1] == "known.yaml: 2 known and seen again\n"
    assert (tmp_path / "known.yaml").read_text("utf-8") == text


def test_without_a_reason_it_is_asked_for(memguard, report):
    out = memguard("update", "known.yaml", report("one.json", LEAK))[1]

    assert out.endswith('say why: replace each reason "?" in it, or give --reason with the next ones\n')
    shown = memguard("show", "known.yaml")[1]
    assert shown.startswith("known.yaml: 1 accepted leak, 1 without a reason\n3fa9c1d2e4, since 20")
    assert "  reason     none given yet\n" in shown
    assert f"  tests      {CHECKOUT}\n" in shown


def test_what_every_report_agrees_to_be_fixed_is_taken_out(memguard, report):
    memguard("update", "known.yaml", report("one.json", LEAK, NATIVE), "--reason", "r")
    agreed = [fixed(LEAK.diagnosis.signature), fixed(NATIVE.diagnosis.signature)]

    out = memguard("prune", "known.yaml", report("a.json", accepted=agreed), report("b.json", NATIVE))[1]

    assert out.splitlines()[0] == "known.yaml: 1 taken out, 1 known and seen again"
    assert out.splitlines()[1].startswith("- 3fa9c1d2e4  python, shop.cart.Or")
    left = json.loads(memguard("show", "known.yaml", "--json")[1])
    assert [entry["signature"] for entry in left["leaks"]] == [NATIVE.diagnosis.signature]


def test_what_a_report_cannot_tell_stays(memguard, report):
    memguard("update", "known.yaml", report("one.json", LEAK), "--reason", "r")

    out = memguard("prune", "known.yaml", report("a.json", accepted=[fixed(LEAK.diagnosis.signature, "not seen")]))[1]

    assert out == "known.yaml: nothing to do\n"


def test_as_json(memguard, report):
    done = memguard("update", "known.yaml", report("one.json", LEAK), "--json")[1]
    assert json.loads(done) == {"file": "known.yaml", "added": ["3fa9c1d2e4"], "removed": [], "known": []}

    (entry,) = json.loads(memguard("show", "known.yaml", "--json")[1])["leaks"]
    assert (entry["signature"], entry["reason"], entry["tests"]) == ("3fa9c1d2e4", None, [CHECKOUT])


def test_the_default_file_and_what_has_expired(memguard, tmp_path):
    name = "memguard-baseline.yaml"
    (tmp_path / name).write_text('leaks: [{signature: "aaaaaa", reason: "a\x1b", expires: 2020-01-31}]', "utf-8")
    status, out, err = memguard("show")
    assert (status, out) == (1, "")
    assert "not valid YAML" in err

    (tmp_path / name).write_text('leaks: [{signature: "aaaaaa", reason: "a\\e[0m", expires: 2020-01-31}]', "utf-8")
    _, out, _ = memguard("show")
    assert out.startswith(f"{name}: 1 accepted leak, 1 expired\naaaaaa, expired on 2020-01-31, line 1\n")
    assert all(line.isprintable() for line in out.splitlines())


def test_what_is_refused(memguard, report, tmp_path):
    good = report("one.json", LEAK)
    (tmp_path / "broken.yaml").write_text("leaks: [", "utf-8")

    assert memguard("show", "none.yaml")[0::2] == (
        1,
        (
            "memguard: baseline none.yaml (from the command line) does not exist\n"
            "  check the path, or make it with --memguard-update-baseline  [baseline]\n"
        ),
    )
    assert memguard("prune", "none.yaml", good)[0] == 1
    assert "not JSON" in memguard("update", "known.yaml", "broken.yaml")[2]
    assert "is not valid YAML" in memguard("update", "broken.yaml", good)[2]
    assert "there is no such directory" in memguard("update", "no/known.yaml", good)[2]
    assert "is a directory" in memguard("update", tmp_path, good)[2]
    assert (tmp_path / "broken.yaml").read_text("utf-8") == "leaks: ["
    assert not (tmp_path / "known.yaml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["update", "known.yaml"],
        ["update", "k.yaml", "r.json", "--expires=soon"],
        ["update", "k", "r", "--reason= "],
    ],
)
def test_wrong_arguments_end_with_2(arguments, memguard):
    with pytest.raises(SystemExit) as ended:
        memguard(*arguments)

    assert ended.value.code == 2


def test_hostile_signatures_of_a_report_are_not_written(memguard, report, tmp_path):
    odd = [
        replace(LEAK, diagnosis=replace(LEAK.diagnosis, signature=text)) for text in ("x\n- y", "", "3F A9", "a" * 99)
    ]

    status, out, err = memguard("update", "known.yaml", report("one.json", *odd))

    assert (status, out) == (0, "known.yaml: nothing to do\n"), err
