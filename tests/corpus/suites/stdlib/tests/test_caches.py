"""Caches of the standard library, filled with keys that no other run used."""

from __future__ import annotations

import abc
import difflib
import fnmatch
import functools
import glob
import inspect
import linecache
import mimetypes
import re
import string
import struct
import textwrap
import time
import typing
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sized
from datetime import datetime
from fractions import Fraction


def test_re_with_a_fresh_pattern(fresh):
    assert re.match(f"({fresh})+$", fresh * 2)


def test_re_with_many_fresh_patterns(fresh):
    for n in range(40):
        assert re.search(rf"\b{fresh}{n}\b", f"x {fresh}{n} y")


def test_re_template_with_fresh_text(fresh):
    assert re.sub("a(.)", rf"\1-{fresh}", "ab") == f"b-{fresh}"


def test_linecache_with_a_temporary_file(tmp_path):
    path = tmp_path / "lines.py"
    path.write_text("first = 1\nsecond = 2\n")
    assert linecache.getline(str(path), 2) == "second = 2\n"


def test_source_of_executed_code(fresh):
    name = f"<generated {fresh}>"
    source = "def answer():\n    return 42\n"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        namespace = {}
        exec(compile(source, name, "exec"), namespace)
        assert "return 42" in inspect.getsource(namespace["answer"])
    finally:
        del linecache.cache[name]


def test_struct_with_a_fresh_format(fresh):
    count = int(fresh[:4], 16) + 1
    assert struct.calcsize(f"{count}b") == count


def test_struct_of_many_formats():
    assert sum(struct.calcsize(f"<{n}s") for n in range(300)) == sum(range(300))


def test_typing_with_a_fresh_class():
    class Local:
        pass

    assert typing.get_args(typing.Optional[Local]) == (Local, type(None))  # noqa: UP045
    assert typing.get_args(typing.Dict[str, typing.List[Local]])[0] is str  # noqa: UP006


def test_generic_alias_of_a_fresh_class():
    item = typing.TypeVar("item")

    class Box(typing.Generic[item]):
        pass

    assert typing.get_origin(Box[int]) is Box


def test_protocol_check():
    @typing.runtime_checkable
    class Closes(typing.Protocol):
        def close(self) -> None: ...

    class Door:
        def close(self) -> None:
            pass

    assert isinstance(Door(), Closes)
    assert not isinstance(3, Closes)


def test_abc_with_fresh_classes():
    class Local:
        def __len__(self):
            return 0

    assert isinstance(Local(), Sized)
    assert not isinstance(Local(), Mapping)
    assert not issubclass(Local, Iterable)


def test_abc_register_of_a_fresh_class():
    class Shape(abc.ABC):  # noqa: B024
        pass

    class Circle:
        pass

    Shape.register(Circle)
    assert issubclass(Circle, Shape)


def test_register_with_a_standard_abc():
    class Table:
        pass

    Mapping.register(Table)
    assert isinstance(Table(), Mapping)


def test_fnmatch_with_a_fresh_pattern(fresh):
    assert fnmatch.fnmatch(f"{fresh}.txt", f"{fresh}.*")


def test_fnmatch_filter_with_fresh_patterns(fresh):
    names = [f"{fresh}-{n}.log" for n in range(20)]
    assert all(fnmatch.filter(names, f"*{fresh}-{n}.*") for n in range(20))


def test_glob_with_a_fresh_pattern(tmp_path, fresh):
    (tmp_path / "file.txt").write_text("x")
    assert glob.glob(f"{tmp_path}/*{fresh}*") == []


def test_strptime_with_a_fresh_format(fresh):
    assert datetime.strptime(f"{fresh} 2024", f"{fresh} %Y").year == 2024


def test_strptime_with_fixed_formats():
    for form, text in (("%Y-%m-%d", "2024-02-29"), ("%d/%m/%y", "29/02/24"), ("%j %Y", "060 2024")):
        assert time.strptime(text, form).tm_yday == 60


def test_urlsplit_of_a_fresh_address(fresh):
    assert urllib.parse.urlsplit(f"https://{fresh}.example/path?x={fresh}").hostname == f"{fresh}.example"


def test_quote_with_fresh_safe_characters(fresh):
    assert urllib.parse.quote("a b", safe=fresh) == "a%20b"


def test_request_object(fresh):
    assert urllib.request.Request(f"http://{fresh}.example/").host == f"{fresh}.example"


def test_fraction_hashes(fresh):
    number = int(fresh, 16)
    assert hash(Fraction(number, 3)) == hash(Fraction(number * 2, 6))


def test_signature_of_a_local_function():
    def local(a, b: int = 3, *, c: str = "x") -> None: ...

    assert list(inspect.signature(local).parameters) == ["a", "b", "c"]


def test_singledispatch_on_a_local_class():
    @functools.singledispatch
    def show(value):
        return "any"

    class Local:
        pass

    show.register(Local, lambda value: "local")
    assert show(Local()) == "local"
    assert show(1) == "any"


def test_partial_methods_and_cached_properties():
    class Local:
        @functools.cached_property
        def data(self):
            return [0] * 1_000

        half = functools.partialmethod(lambda self, n: len(self.data) // n, 2)

    assert Local().half() == 500


def test_string_template_of_fresh_text(fresh):
    assert string.Template("$name!").substitute(name=fresh) == f"{fresh}!"


def test_formatter_with_fresh_fields(fresh):
    assert "{:>40}".format(fresh).strip() == fresh  # noqa: UP032


def test_mimetype_of_a_fresh_name(fresh):
    assert mimetypes.guess_type(f"{fresh}.json")[0] == "application/json"


def test_wrapped_text(fresh):
    assert len(textwrap.wrap(f"{fresh} " * 50, 70)) == 25


def test_close_matches(fresh):
    assert difflib.get_close_matches(fresh, [fresh[:-1] + "x", "zzz"])
