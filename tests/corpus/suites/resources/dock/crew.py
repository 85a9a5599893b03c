"""Threads: dockers, watchmen, alarms."""

import _thread
import ctypes
import functools
import logging
import logging.handlers
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

_GANGS = []
_end_of_day = threading.Event()
_singleton = []

common_gang = ThreadPoolExecutor(6, thread_name_prefix="common")


def stand_by(gate=None):
    _end_of_day.wait(600)


def hire(number):
    docker = threading.Thread(target=stand_by, name=f"docker-{number}", daemon=True)  # leak: docker
    docker.start()


class Watchman(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)

    def run(self):
        stand_by()


def post_watchman():
    Watchman().start()  # leak: watchman


def by_hand():
    ready = threading.Event()

    def work():
        ready.set()
        stand_by()

    _thread.start_new_thread(work, ())  # leak: by-hand
    ready.wait(10)


def gang(size):
    found = ThreadPoolExecutor(size)  # leak: gang
    _GANGS.append(found)
    return found.submit(pow, 2, 3).result()


def set_alarm():
    alarm = threading.Timer(600, functools.partial(stand_by, "north"))  # leak: alarm
    alarm.daemon = True
    alarm.start()


_libc = ctypes.CDLL(None)


def stowaway():
    """A thread that Python knows nothing of."""
    number = ctypes.c_ulong()
    _libc.pthread_create(ctypes.byref(number), None, ctypes.cast(_libc.sleep, ctypes.c_void_p), ctypes.c_void_p(600))


# -- innocent from here on


def tired(seconds):
    threading.Thread(target=time.sleep, args=(seconds,)).start()


def harbour_master():
    """One thread for the whole process, started when it is needed."""
    if not _singleton:
        _singleton.append(threading.Thread(target=stand_by, name="master", daemon=True))
        _singleton[0].start()


def log_through_a_queue():
    lines = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(lines, logging.NullHandler())
    listener.start()
    lines.put(logging.makeLogRecord({"msg": "x"}))
    listener.stop()
