"""Parsers and writers of files and text."""

from __future__ import annotations

import argparse
import ast
import base64
import bz2
import configparser
import copy
import csv
import decimal
import email.message
import email.parser
import gzip
import html.parser
import http.cookies
import io
import json
import lzma
import pickle
import random
import sqlite3
import statistics
import tarfile
import tempfile
import tokenize
import xml.dom.minidom
import xml.etree.ElementTree as ET
import xml.sax
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest


@dataclass
class Row:
    number: int
    tags: list[str] = field(default_factory=list)


def test_json_round_trip(fresh):
    data = {fresh: list(range(1_000)), "nested": {"a": [None, True, 1.5]}}
    assert json.loads(json.dumps(data, indent=2)) == data


def test_json_decode_error():
    with pytest.raises(json.JSONDecodeError):
        json.loads('{"a": 1,}')


def test_argparse(fresh):
    parser = argparse.ArgumentParser(prog="tool")
    parser.add_argument("--name", default="x")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run").add_argument("path", nargs="*")
    options = parser.parse_args(["--name", fresh, "run", "a", "b"])
    assert (options.name, options.path) == (fresh, ["a", "b"])


def test_argparse_error(capsys):
    parser = argparse.ArgumentParser(prog="tool", exit_on_error=True)
    with pytest.raises(SystemExit):
        parser.parse_args(["--unknown"])
    assert "unrecognized" in capsys.readouterr().err


def test_configparser(fresh):
    parser = configparser.ConfigParser()
    parser.read_string(f"[{fresh}]\nname = x\npath = %(name)s/y\n")
    assert parser[fresh]["path"] == "x/y"


def test_csv(fresh):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([fresh, n] for n in range(100))
    assert len(list(csv.reader(io.StringIO(buffer.getvalue())))) == 100


def test_csv_dialect():
    csv.register_dialect("corpus", delimiter=";")
    try:
        assert next(csv.reader(["a;b"], "corpus")) == ["a", "b"]
    finally:
        csv.unregister_dialect("corpus")


def test_element_tree(fresh):
    root = ET.fromstring(f"<root><item id='{fresh}'/>{'<item/>' * 200}</root>")
    assert root.find(f".//item[@id='{fresh}']") is not None
    assert len(root.findall("item")) == 201


def test_minidom():
    document = xml.dom.minidom.parseString("<a><b>text</b></a>")
    assert document.getElementsByTagName("b")[0].firstChild.data == "text"


def test_sax():
    class Counter(xml.sax.ContentHandler):
        count = 0

        def startElement(self, name, attrs):  # noqa: N802
            self.count += 1

    handler = Counter()
    xml.sax.parseString(b"<a>" + b"<b/>" * 100 + b"</a>", handler)
    assert handler.count == 101


def test_html_parser():
    class Links(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.links = []

        def handle_starttag(self, tag, attrs):
            self.links.extend(value for name, value in attrs if name == "href")

    links = Links()
    links.feed("<p>" + "<a href='x'>y</a>" * 30)
    assert len(links.links) == 30


def test_email(fresh):
    message = email.message.EmailMessage()
    message["Subject"] = fresh
    message.set_content("hello")
    message.add_attachment(b"data", maintype="application", subtype="octet-stream", filename="a.bin")
    parsed = email.parser.Parser().parsestr(message.as_string())
    assert parsed["Subject"] == fresh


def test_cookies(fresh):
    jar = http.cookies.SimpleCookie(f"session={fresh}; theme=dark")
    assert jar["session"].value == fresh


def test_zipfile(tmp_path):
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(20):
            archive.writestr(f"file{n}.txt", "x" * 1_000)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 20


def test_tarfile(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.txt", "a.txt")
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert archive.extractfile("a.txt").read() == b"hello"


@pytest.mark.parametrize("codec", [zlib, gzip, bz2, lzma], ids=lambda codec: codec.__name__)
def test_compression(codec):
    data = random.randbytes(20_000)
    assert codec.decompress(codec.compress(data)) == data


def test_big_pickle(fresh):
    rows = [Row(n, [fresh, str(n)]) for n in range(5_000)]
    assert pickle.loads(pickle.dumps(rows)) == rows


def test_deep_copy():
    rows = {n: Row(n, ["a", "b"]) for n in range(2_000)}
    assert copy.deepcopy(rows) == rows


def test_decimal_contexts():
    with decimal.localcontext() as context:
        context.prec = 50
        assert len(str(decimal.Decimal(1) / 7)) == 52
    with (
        pytest.raises(decimal.InvalidOperation),
        decimal.localcontext(decimal.Context(traps=[decimal.InvalidOperation])),
    ):
        decimal.Decimal("x")


def test_statistics():
    assert statistics.median(random.random() for _ in range(1_001)) < 1


def test_dates():
    start = datetime(2024, 2, 29, tzinfo=timezone.utc)
    days = [start + timedelta(days=n, hours=random.randrange(24)) for n in range(1_000)]
    assert datetime.fromisoformat(days[500].isoformat()) == days[500]


def test_syntax_tree():
    tree = ast.parse("def f(a, b):\n    return [a + b for _ in range(10)]\n")
    assert sum(isinstance(node, ast.Name) for node in ast.walk(tree)) == 4
    assert "range(10)" in ast.unparse(tree)


def test_tokens():
    source = "value = call(1, 'two', three)\n" * 50
    assert len(list(tokenize.generate_tokens(io.StringIO(source).readline))) > 400


def test_temporary_files():
    with tempfile.TemporaryDirectory() as folder:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(100_000))
            file.flush()
            assert Path(file.name).stat().st_size == 100_000
    assert not Path(folder).exists()


def test_spooled_file():
    with tempfile.SpooledTemporaryFile(max_size=1_000) as file:
        file.write(b"x" * 10_000)
        file.seek(0)
        assert len(file.read()) == 10_000


def test_database_in_a_file(tmp_path):
    connection = sqlite3.connect(tmp_path / "rows.db")
    with connection:
        connection.execute("create table row (number integer)")
        connection.executemany("insert into row values (?)", [(n,) for n in range(1_000)])
    assert connection.execute("select sum(number) from row").fetchone() == (499_500,)
    connection.close()


def test_base64_of_random_bytes():
    data = random.randbytes(random.randint(1, 50_000))
    assert base64.b64decode(base64.b64encode(data)) == data


def test_many_paths(tmp_path):
    for n in range(30):
        (tmp_path / f"file-{n}.txt").write_text(str(n))
    assert len({path.stem for path in tmp_path.iterdir()}) == 30


def test_paths_with_fresh_names(tmp_path, fresh):
    for n in range(5):
        (tmp_path / f"{fresh}-{n}.txt").touch()
    assert len(list(tmp_path.glob(f"{fresh}-*.txt"))) == 5
