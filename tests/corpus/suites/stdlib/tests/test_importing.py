"""Modules imported from temporary places, reloaded, and taken out again."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import runpy
import sys
import zipfile

import pytest


@pytest.fixture
def imported(monkeypatch):
    """Forgets what the test imported under this name."""
    names = []

    def load(name, path):
        names.append(name)
        monkeypatch.syspath_prepend(path)
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def test_import_from_a_temporary_folder(tmp_path, imported):
    (tmp_path / "corpus_plugin.py").write_text("answer = 42\n\n\nclass Plugin:\n    pass\n")
    assert imported("corpus_plugin", tmp_path).answer == 42


def test_import_from_a_zip(tmp_path, imported):
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        archive.writestr("corpus_zipped.py", "def double(x):\n    return 2 * x\n")
    assert imported("corpus_zipped", tmp_path / "bundle.zip").double(4) == 8


def test_package_from_a_temporary_folder(tmp_path, imported):
    package = tmp_path / "corpus_package"
    package.mkdir()
    (package / "__init__.py").write_text("from corpus_package import inner\n")
    (package / "inner.py").write_text("value = [1, 2, 3]\n")
    assert imported("corpus_package", tmp_path).inner.value == [1, 2, 3]
    del sys.modules["corpus_package.inner"]


def test_module_with_a_fresh_name(tmp_path, imported, fresh):
    name = f"corpus_{fresh}"
    (tmp_path / f"{name}.py").write_text("answer = 42\n")
    assert imported(name, tmp_path).answer == 42


def test_reload(tmp_path, imported):
    path = tmp_path / "corpus_reloaded.py"
    path.write_text("value = 1\n")
    module = imported("corpus_reloaded", tmp_path)
    assert importlib.reload(module).value == 1


def test_module_from_a_spec(tmp_path):
    path = tmp_path / "corpus_spec.py"
    path.write_text("rows = [{'n': n} for n in range(100)]\n")
    spec = importlib.util.spec_from_file_location("corpus_spec", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(module.rows) == 100


def test_run_path(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("result = sum(range(10))\n")
    assert runpy.run_path(str(path))["result"] == 45


def test_missing_module():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("corpus_no_such_module")


def test_first_use_of_a_module():
    import wave

    assert wave.Error


def test_first_use_of_a_package():
    import wsgiref.headers

    assert wsgiref.headers.Headers([("A", "1")])["a"] == "1"


def test_metadata_of_a_distribution():
    assert importlib.metadata.version("pytest")


def test_resources_of_a_package():
    assert importlib.resources.files("json").joinpath("__init__.py").is_file()


def test_code_with_fixed_names():
    namespace = {}
    exec("def f(x):\n    return x + 1\n\n\nclass C:\n    y = f(1)\n", namespace)
    assert namespace["C"].y == 2


def test_code_with_fresh_names(fresh):
    namespace = {}
    exec(f"name_{fresh} = 1\nresult = name_{fresh} + 1\n", namespace)
    assert namespace["result"] == 2
