from __future__ import annotations

import builtins
import io
import os
import random
import secrets
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from depot import files


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environment():
    before = dict(os.environ)
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


def test_temporary_file(tmp_path):
    path = tmp_path / "settings.txt"
    path.write_text("a\nb\n")
    assert files.read(path) == ["a", "b"]


def test_large_temporary_file(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(5_000_000))
    assert path.stat().st_size == 5_000_000


def test_nested_folders(tmp_path):
    folder = tmp_path
    for n in range(20):
        folder = folder / f"level{n}"
        folder.mkdir()
    assert len(list(tmp_path.rglob("*"))) == 20


def test_legacy_folder(tmp_path_factory):
    assert tmp_path_factory.mktemp("legacy").is_dir()


def test_relative_path(in_folder):
    Path("here.txt").write_text("x")
    assert (in_folder / "here.txt").exists()


def test_changed_folder_and_back(tmp_path):
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert os.getcwd() != before
    finally:
        os.chdir(before)


def test_variable_with_a_temporary_path(monkeypatch, tmp_path):
    monkeypatch.setenv("DEPOT_HOME", str(tmp_path))
    assert files.setting("home") == str(tmp_path)


def test_three_variables_with_temporary_paths(monkeypatch, tmp_path):
    for name in ("home", "cache", "data"):
        monkeypatch.setenv(f"DEPOT_{name.upper()}", str(tmp_path / name))
    assert files.setting("data").endswith("data")


def test_variable_with_a_fresh_token(monkeypatch):
    token = secrets.token_hex(16)
    monkeypatch.setenv("DEPOT_TOKEN", token)
    assert files.setting("token") == token


def test_variable_of_any_size(monkeypatch):
    monkeypatch.setenv("DEPOT_TEXT", "x" * random.randint(1, 100))
    assert files.setting("text")


def test_deleted_variable(monkeypatch):
    monkeypatch.delenv("DEPOT_NOTHING", raising=False)
    assert files.setting("nothing") is None


def test_restored_environment(environment):
    environment["DEPOT_COLOUR"] = "blue"
    assert files.setting("colour") == "blue"


def test_patched_environment():
    with mock.patch.dict(os.environ, {"DEPOT_COLOUR": "red"}):
        assert files.setting("colour") == "red"


def test_patched_attribute(monkeypatch):
    monkeypatch.setattr(files, "setting", lambda name: name.upper())
    assert files.setting("x") == "X"


def test_patched_item(monkeypatch):
    table = {"a": 1}
    monkeypatch.setitem(table, "a", 2)
    with monkeypatch.context() as patch:
        patch.setitem(table, "b", 3)
    assert table == {"a": 2}


def test_patched_path(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    assert sys.path[0] == str(tmp_path)


def test_mocked_time():
    with mock.patch("time.time", return_value=1_000.0):
        assert time.time() == 1_000.0


def test_mocked_monotonic(monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    assert time.monotonic() < time.monotonic()


def test_mocked_sleep():
    with mock.patch("time.sleep") as sleep:
        time.sleep(100)
    sleep.assert_called_once_with(100)


def test_mocked_open():
    with mock.patch.object(builtins, "open", mock.mock_open(read_data="a\nb")):
        assert files.read(Path("no-such-file")) == ["a", "b"]


def test_mocked_stat(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with mock.patch.object(files.os, "stat") as stat:
        stat.return_value.st_mtime = 0
        assert files.age(path) > 0


def test_mocked_streams(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    assert input() == "typed"


def test_mocked_random(monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.5)
    assert random.random() == 0.5


def test_seeded_random():
    state = random.getstate()
    random.seed(7)
    first = random.random()
    random.seed(7)
    assert random.random() == first
    random.setstate(state)


def test_random_data():
    rows = {random.getrandbits(64): random.random() for _ in range(random.randrange(5_000))}
    assert all(0 <= value < 1 for value in rows.values())
