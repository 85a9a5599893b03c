"""Which files are the user's, what they are called, and what their source says about a line."""

from __future__ import annotations

import json
import linecache
import os
import sys

import pytest

import pytest_memguard
from pytest_memguard.diagnosis import Paths
from pytest_memguard.diagnosis.owners import Owners, is_machinery_file, is_machinery_name, is_own_file, is_test_module
from pytest_memguard.diagnosis.source import Sources


@pytest.fixture
def paths(tmp_path):
    return Paths(str(tmp_path))


def test_what_lies_below_rootdir_is_the_users(tmp_path, paths):
    assert paths.is_user_file(str(tmp_path / "shop" / "cart.py"))
    assert paths.is_user_file(str(tmp_path / "conftest.py"))
    assert not paths.is_user_file(str(tmp_path.parent / "cart.py"))
    assert not paths.is_user_file(str(tmp_path) + "-other/cart.py")


@pytest.mark.parametrize("name", ["<string>", "<stdin>", "<frozen importlib._bootstrap>"])
def test_what_is_no_file_is_nobodys(paths, name):
    assert not paths.is_user_file(name)
    assert paths.relative(name) == name


def test_an_example_of_a_doctest_is_the_users(paths):
    assert paths.is_user_file("<doctest shop.cart[0]>")
    assert paths.relative("<doctest shop.cart[0]>") == "<doctest shop.cart[0]>"


def test_a_virtual_environment_below_rootdir_is_not(tmp_path, paths):
    environment = tmp_path / "tools" / "env"
    environment.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("", encoding="utf-8")
    assert not paths.is_user_file(str(environment / "src" / "click" / "testing.py"))
    assert not paths.is_user_file(str(tmp_path / "vendor" / "site-packages" / "click" / "testing.py"))
    assert paths.is_user_file(str(tmp_path / "tools" / "release.py"))


def test_the_standard_library_is_not_even_where_rootdir_is_above_it():
    paths = Paths(os.path.abspath(os.sep))
    assert not paths.is_user_file(json.__file__)
    assert not paths.is_user_file(pytest.__file__)


def test_a_rootdir_behind_a_symbolic_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "cart.py").write_text("", encoding="utf-8")
    paths = Paths(str(tmp_path / "link"))
    assert paths.is_user_file(str(tmp_path / "real" / "cart.py"))
    assert paths.relative(str(tmp_path / "real" / "cart.py")) == "cart.py"


def test_names_in_a_report(tmp_path, paths):
    assert paths.relative(str(tmp_path / "shop" / "cart.py")) == "shop/cart.py"
    assert paths.relative("/opt/python/site-packages/click/testing.py") == "click:testing.py"
    assert paths.relative("/opt/python/dist-packages/click/core/main.py") == "click:core/main.py"
    assert paths.relative("/opt/python/site-packages/six.py") == "six:six.py"
    assert paths.relative(str(tmp_path / "env" / "site-packages" / "click" / "testing.py")) == "click:testing.py"
    assert paths.relative(json.__file__) == "json:__init__.py"
    assert paths.relative("/somewhere/else.py") == "/somewhere/else.py"


def test_owners(paths):
    owners = Owners(paths)
    assert owners.of("json") == "stdlib"
    assert owners.of("builtins") == "stdlib"
    assert owners.of("_thread") == "stdlib"
    assert owners.of("no_such_module") == "library"
    for machinery in ("_pytest.python", "pytest", "pluggy._hooks", "pytest_memguard.model", "tracemalloc", "xdist"):
        assert owners.is_machinery(machinery)


def test_a_plugin_that_the_user_writes_is_the_users(tmp_path, monkeypatch):
    (tmp_path / "pytest_shop.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("pytest_shop")
    try:
        assert Owners(Paths(str(tmp_path))).of("pytest_shop") == "user"
        assert Owners(Paths(str(tmp_path / "elsewhere"))).of("pytest_shop") == "pytest"
    finally:
        del sys.modules["pytest_shop"]


def test_names_of_modules_and_files_that_run_tests():
    assert is_test_module("tests.test_cart")
    assert is_test_module("cart_test")
    assert is_test_module("tests.conftest")
    assert not is_test_module("shop.testing")
    assert is_machinery_name("anyio.pytest_plugin")
    assert is_machinery_name("pytest_asyncio.plugin")
    assert not is_machinery_name("shop.cart.Order")
    assert is_own_file(os.path.join(os.path.dirname(pytest_memguard.__file__), "confirm.py"))
    assert not is_own_file(__file__)
    assert is_machinery_file(pytest.__file__)
    assert is_machinery_file("<frozen importlib._bootstrap>")
    assert is_machinery_file("/opt/site-packages/pytest_django/fixtures.py")
    assert is_machinery_file("/opt/site-packages/pytest_timeout.py")
    assert not is_machinery_file("/srv/shop/cart.py")


SOURCE = """\
import os.path
from shop.orders import ORDERS as KNOWN, Order
import shop.cart

LIMIT = 3


class Cart:
    total = len("x")

    def add(self, order):
        def check():
            return [
                order,
            ]

        return check

    async def save(self):
        pass


if LIMIT:
    def late(): return {"a": 1,
                        "b": 2}
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "cart.py").write_text(SOURCE, encoding="utf-8")
    return str(tmp_path / "cart.py")


@pytest.mark.parametrize(
    ("line", "function"),
    [
        (1, "<module>"),
        (9, "<module>"),
        (11, "Cart.add"),
        (14, "Cart.add.<locals>.check"),
        (17, "Cart.add"),
        (20, "Cart.save"),
        (25, "late"),
    ],
)
def test_the_function_around_a_line(file, line, function):
    assert Sources().function(file, line) == function


def test_the_text_of_a_line(file):
    sources = Sources()
    assert sources.line(file, 5) == "LIMIT = 3"
    assert sources.line(file, 9) == 'total = len("x")'
    assert sources.line(file, 0) == sources.line(file, 999) == ""


def test_imported_names(file):
    assert Sources().imported(file) == {"os", "KNOWN", "Order", "shop"}


@pytest.mark.parametrize("content", [b"def broken(:\n    x = 1\n", b"x = 'a\x00b'\n"])
def test_what_cannot_be_parsed_still_has_lines(tmp_path, content):
    (tmp_path / "broken.py").write_bytes(content)
    sources = Sources()
    assert sources.line(str(tmp_path / "broken.py"), 1) != ""
    assert sources.function(str(tmp_path / "broken.py"), 1) == "<module>"


@pytest.mark.parametrize("content", [b"# coding: no-such-codec\n", b"x = '\xff\xfe'\n"])
def test_what_cannot_be_read_has_nothing(tmp_path, content):
    (tmp_path / "broken.py").write_bytes(content)
    sources = Sources()
    assert sources.line(str(tmp_path / "broken.py"), 1) == ""
    assert sources.function(str(tmp_path / "missing.py"), 1) == ""


def test_a_very_deep_expression_is_no_problem(tmp_path):
    (tmp_path / "deep.py").write_text("x = " + "-" * 5000 + "1\n" + "y = 2\n", encoding="utf-8")
    assert Sources().line(str(tmp_path / "deep.py"), 2) == "y = 2"


def test_long_lines_are_cut(tmp_path):
    (tmp_path / "long.py").write_text("x = " + repr("y" * 1000) + "\n", encoding="utf-8")
    assert len(Sources().line(str(tmp_path / "long.py"), 1)) == 200


def test_reading_leaves_linecache_alone(file):
    before = dict(linecache.cache)
    Sources().function(file, 11)
    assert linecache.cache == before
