"""A process with something to clean up for every strategy: cleans at all four levels, prints what each gave as JSON.

``test_cleanup.py`` runs it in a process of its own, because Django can be set up only once, and because what is cleaned
up is global. Each scene sets one thing up and gives a check of what must still work after the last level.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import http.server
import importlib.util
import json
import linecache
import logging
import re
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import types
import urllib.parse
import warnings
from collections.abc import Sized
from pathlib import Path

from pytest_memguard.cleanup import open_cleanup
from pytest_memguard.components import ComponentRegistry
from pytest_memguard.probes import open_probes
from pytest_memguard.settings import CLEANUP_LEVELS, Settings

FOLDER = Path(tempfile.mkdtemp(prefix="cleanup-lab-"))
KEPT = {}  # what fixtures of a wide scope would hold
CHECKS = {}
ABSENT = []
KIB = 1024


def scene(*needs):
    """Set one thing up, where its libraries are installed."""

    def decorate(function):
        if any(importlib.util.find_spec(name) is None for name in needs):
            ABSENT.append(function.__name__)
        else:
            CHECKS[function.__name__] = function() or (lambda: True)
        return function

    return decorate


class Ok(http.server.BaseHTTPRequestHandler):
    """Answers, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ok)
SERVER.daemon_threads = True
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{SERVER.server_address[1]}/"


class Cycle:
    def __init__(self):
        self.me = self
        self.payload = bytes(10 * KIB)


# -- interpreter and functools


@scene()
def source_lines():
    for number in range(4):
        file = FOLDER / f"lines{number}.py"
        file.write_text("x = 1  # something to read\n" * 2000, "utf-8")
        linecache.getlines(str(file))
    return lambda: linecache.getline(str(FOLDER / "lines0.py"), 7).startswith("x = 1")


@scene()
def interpreter():
    made = sys.modules["warns"] = types.ModuleType("warns")
    made.__warningregistry__ = {"version": 0, **{(f"text {n}", UserWarning, n): True for n in range(500)}}
    for number in range(100):
        re.compile(f"cleanup {number} (.*)")
        urllib.parse.urlsplit(f"http://cleanup.example/{number}")
    for index in range(50):
        isinstance(type(f"T{index}", (), {})(), (dict, Sized))


LIBRARY = types.ModuleType("lab_package.library")
sys.modules["lab_package.library"] = LIBRARY
exec(  # noqa: S102 - a package that is configured
    """
import functools

@functools.lru_cache(maxsize=None)
def text(number):
    return str(number) * 2000

@functools.lru_cache(maxsize=None)
def user(number):
    return {"number": number, "payload": "x" * 2000 + str(number)}
""",
    LIBRARY.__dict__,
)


@scene()
def functools_caches():
    for number in range(200):
        LIBRARY.text(number), LIBRARY.user(number)
    return lambda: LIBRARY.text(3) == "3" * 2000 and LIBRARY.user(3)["number"] == 3


# -- events


@scene("blinker")
def blinker_signals():
    import blinker

    signal = KEPT["blinker"] = blinker.Signal()
    got = []

    def once(_sender):
        pass

    def make():
        def twice(sender):
            got.append(sender)

        return twice

    senders = KEPT["senders"] = [type("Sender", (), {})() for _ in range(50)]
    for sender in senders:
        signal.connect(once, sender=sender)
        signal.disconnect(once, sender=sender)
    for _ in range(3):
        signal.connect(make(), weak=False)

    def check():
        got.clear()
        signal.send("me")
        return got == ["me"]

    return check


@scene("django")
def django_signals():
    from django.dispatch import Signal

    signal = KEPT["django signal"] = Signal()
    got = []

    def make():
        def receiver(**_kwargs):
            got.append(1)

        return receiver

    short_lived = [make() for _ in range(40)]
    for receiver in short_lived:
        signal.connect(receiver)
    for _ in range(5):
        signal.connect(make(), weak=False)
    signal.connect(make(), weak=False, dispatch_uid="on purpose")
    del short_lived, receiver

    def check():
        got.clear()
        signal.send(None)
        return got == [1, 1]

    return check


@scene()
def handlers():
    logger = logging.getLogger("lab")
    closed = logging.FileHandler(FOLDER / "closed.log", mode="w")
    live = KEPT["handler"] = logging.FileHandler(FOLDER / "live.log")
    logger.addHandler(closed), logger.addHandler(live)
    closed.close()

    def check():
        logger.error("still here")
        return "still here" in (FOLDER / "live.log").read_text("utf-8")

    return check


# -- batches


@scene("matplotlib")
def figures():
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    for _ in range(3):
        _, axes = plt.subplots()
        axes.plot(range(1000))
    held = KEPT["figure"] = plt.figure()

    def check():
        held.savefig(FOLDER / "figure.png")
        return plt.get_fignums() == [] and (FOLDER / "figure.png").stat().st_size > 0

    return check


@scene("PIL")
def images():
    from PIL import Image

    Image.core.set_blocks_max(8)
    live = KEPT["image"] = Image.new("RGB", (64, 64), "red")
    for _ in range(3):
        Image.new("RGB", (2000, 2000))
    return lambda: live.getpixel((1, 1)) == (255, 0, 0)


# -- connections


@scene("requests")
def requests_session():
    import requests

    session = KEPT["session"] = requests.Session()
    session.get(URL)
    return lambda: session.get(URL).text == "ok"


@scene("httpx")
def httpx_client():
    import httpx

    client = KEPT["client"] = httpx.Client(trust_env=False)
    client.get(URL)
    return lambda: client.get(URL).text == "ok"


async def get(session):
    async with session.get(URL) as response:
        return await response.text()


async def aiohttp_session():
    import aiohttp

    session = aiohttp.ClientSession()
    await get(session)
    return session


@scene("aiohttp")
def aiohttp_sessions():
    loop = KEPT["loop"] = asyncio.new_event_loop()
    session = KEPT["aiohttp"] = loop.run_until_complete(aiohttp_session())
    stranded = asyncio.new_event_loop()
    KEPT["stranded"] = stranded.run_until_complete(aiohttp_session())
    stranded.close()

    def check():
        works = loop.run_until_complete(get(session)) == "ok"
        loop.run_until_complete(session.close())
        loop.run_until_complete(asyncio.sleep(0))
        KEPT["stranded"]._connector = None
        return works

    return check


@scene()
def sockets():
    dead, peer = socket.socketpair()
    KEPT["dead"], (KEPT["live"], KEPT["live peer"]) = dead, socket.socketpair()
    peer.close()

    def check():
        KEPT["live"].send(b"x")
        return KEPT["live peer"].recv(1) == b"x" and dead.fileno() == -1

    return check


# -- databases


@scene("sqlalchemy")
def sqlalchemy_engines():
    import sqlalchemy

    file, memory = (sqlalchemy.create_engine(url) for url in (f"sqlite:///{FOLDER / 'a.db'}", "sqlite://"))
    KEPT["engines"] = file, memory
    in_use, *idle = [file.connect() for _ in range(4)]
    in_use.execute(sqlalchemy.text("CREATE TABLE t (x)"))
    with memory.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE numbers (number)"))
        connection.execute(sqlalchemy.text("INSERT INTO numbers VALUES (7)"))
        for number in range(60):
            connection.execute(sqlalchemy.select(*[sqlalchemy.literal_column(f"{n}") for n in range(number + 1)]))
    for connection in idle:
        connection.close()

    def check():
        in_use.execute(sqlalchemy.text("INSERT INTO t VALUES (1)"))
        with memory.connect() as kept, file.connect() as again:
            data = kept.execute(sqlalchemy.text("SELECT number FROM numbers")).scalar()
            alive = again.execute(sqlalchemy.text("SELECT 1")).scalar()
        in_use.close(), file.dispose(), memory.dispose()
        return (data, alive) == (7, 1)

    return check


@scene("django")
def django_databases():
    import django
    from django.conf import settings

    base = {"ENGINE": "django.db.backends.sqlite3"}
    settings.configure(
        DEBUG=True,
        DATABASES={
            "default": {**base, "NAME": FOLDER / "default.db"},
            "held": {**base, "NAME": FOLDER / "held.db"},
            "memory": {**base, "NAME": ":memory:"},
        },
    )
    django.setup()
    from django.core.cache import cache
    from django.db import connections, transaction

    KEPT["atomic"] = atomic = transaction.atomic(using="held")
    atomic.__enter__()
    for alias in ("default", "held", "memory"):
        with connections[alias].cursor() as cursor:
            cursor.execute("CREATE TABLE t (x)")
    for number in range(100):
        cache.set(f"gone-{number}", "x" * KIB, timeout=0.001)
    cache.set("stays", "here")
    time.sleep(0.01)

    def check():
        with connections["held"].cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        atomic.__exit__(None, None, None)
        with connections["memory"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM t")
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM t")
        for connection in connections.all():
            connection.close()
        return cache.get("stays") == "here"

    return check


@scene()
def sqlite():
    connection = KEPT["sqlite"] = sqlite3.connect(FOLDER / "pages.db")
    connection.execute("CREATE TABLE blobs (blob)")
    connection.executemany("INSERT INTO blobs VALUES (?)", [(bytes(50 * KIB),) for _ in range(20)])
    connection.commit()
    connection.execute("SELECT count(*), max(length(blob)) FROM blobs").fetchall()

    def check():
        found = connection.execute("SELECT count(*) FROM blobs").fetchone()
        connection.close()
        return found == (20,)

    return check


# -- timers, accelerators, garbage


@scene()
def timers():
    loop = KEPT["timers"] = asyncio.new_event_loop()
    for number in range(60):
        loop.call_later(600 + number, print, "x" * KIB).cancel()
    pending = threading.Timer(600, print)
    pending.start()
    closed = asyncio.new_event_loop()

    async def wait():
        payload = bytes(100 * KIB)
        await asyncio.sleep(600)
        return payload

    task = KEPT["task"] = closed.create_task(wait())
    closed.run_until_complete(asyncio.sleep(0))
    task._log_destroy_pending = False
    closed.close()

    def check():
        loop.close()
        pending.join(60)
        return not pending.is_alive()

    return check


@scene()
def torch():
    fake = sys.modules["torch"] = types.ModuleType("torch")
    fake.cuda = types.SimpleNamespace(
        reserved=3 * KIB * KIB,
        is_initialized=lambda: True,
        memory_reserved=lambda: fake.cuda.reserved,
        empty_cache=lambda: setattr(fake.cuda, "reserved", 0),
    )


@scene()
def exit_callbacks():
    return lambda: True


@scene()
def components():
    lab = sys.modules["lab_parts"] = types.ModuleType("lab_parts")
    lab.processed = [f"message {number}" for number in range(150)]
    lab.history = {number: f"{number}" * 300 for number in range(600)}
    lab.sessions = {"old": "x" * 100 * KIB, "new": 1}
    lab.running = True
    lab.expire = lambda: lab.sessions.pop("old", None)
    lab.reset = lab.history.clear
    lab.stop = lambda: setattr(lab, "running", False)
    return lambda: lab.sessions == {"new": 1} and len(lab.processed) == 50 and not lab.history and not lab.running


def registry():
    found = ComponentRegistry()
    found.register(
        "messages",
        track=["lab_parts:processed", "lab_parts:history"],
        limits={"processed": 50, "history": 500},
        cleanup={"aggressive": "lab_parts:reset"},
    )
    found.register(
        "sessions", track="lab_parts:sessions", cleanup={"gentle": "lab_parts:expire"}, shutdown="lab_parts:stop"
    )
    return found


def main():
    gc.collect()
    gc.disable()  # what is collected is collected by a strategy
    probes = open_probes()
    manager = open_cleanup(
        Settings(packages=("lab_package",)),
        components=registry(),
        reader=probes.reader,
        clock=time.perf_counter,
        start_s=time.perf_counter(),
    )
    atexit.register(print, end="")
    old = [Cycle() for _ in range(50)]
    gc.collect()
    gc.collect()  # into the oldest generation
    del old
    for _ in range(50):
        Cycle()
    spare = [bytearray(50 * KIB) for _ in range(400)]
    KEPT["top"] = bytearray(50 * KIB)
    del spare
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        cleanups = {level: manager.clean(level, trigger="request").to_json() for level in CLEANUP_LEVELS}
    works = {}
    for name, check in CHECKS.items():
        try:
            works[name] = check()
        except Exception as error:  # noqa: BLE001 - told to the test
            works[name] = f"{type(error).__name__}: {error}"
    told = {"cleanups": cleanups, "works": works, "absent": ABSENT, "warned": [str(warning) for warning in warned]}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
