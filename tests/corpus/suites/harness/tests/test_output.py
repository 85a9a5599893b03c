from __future__ import annotations

import logging
import sys
import uuid
import warnings

import pytest
from depot import files


def test_much_output():
    assert files.report(200) == 200


def test_captured_output(capsys):
    files.report(50)
    out, err = capsys.readouterr()
    assert out.count("line") == err.count("error") == 50


def test_captured_descriptors(capfd):
    files.report(50)
    assert capfd.readouterr().out.startswith("line 0")


def test_captured_bytes(capsysbinary):
    sys.stdout.buffer.write(b"\x00\xff" * 1_000)
    assert len(capsysbinary.readouterr().out) == 2_000


def test_capture_disabled_for_a_moment(capsys):
    with capsys.disabled():
        pass
    print("again")
    assert capsys.readouterr().out == "again\n"


def test_log_records(caplog):
    with caplog.at_level(logging.INFO):
        files.report(100)
    assert len(caplog.records) == 100


def test_log_messages_with_fresh_text(caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(20):
        files.log.warning("%s", uuid.uuid4())
    assert len(caplog.messages) == 20


def test_log_is_cleared(caplog):
    files.log.error("one")
    caplog.clear()
    assert caplog.records == []


def test_log_with_exception(caplog):
    try:
        raise ValueError(uuid.uuid4())
    except ValueError:
        files.log.exception("failed")
    assert caplog.records[0].exc_info is not None


def test_deprecation_warning():
    assert files.old_setting("colour") is None


def test_fresh_deprecation_warning():
    assert files.old_setting(uuid.uuid4().hex) is None


def test_many_warnings():
    for n in range(30):
        files.old_setting(f"name {n}")


def test_recorded_warnings(recwarn):
    files.old_setting("colour")
    assert recwarn.pop(DeprecationWarning).category is DeprecationWarning


def test_expected_warning():
    with pytest.warns(DeprecationWarning, match="colour"):
        files.old_setting("colour")


def test_deprecated_call():
    with pytest.deprecated_call():
        files.old_setting("colour")


@pytest.mark.filterwarnings("error")
def test_warning_is_an_error():
    with pytest.raises(DeprecationWarning):
        files.old_setting("colour")


def test_warnings_once_per_place():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(10):
            files.old_setting("colour")
    assert len(caught) == 1


def test_recorded_properties(record_property):
    record_property("run", uuid.uuid4().hex)


def test_recorded_suite_property(record_testsuite_property):
    record_testsuite_property("colour", "blue")
