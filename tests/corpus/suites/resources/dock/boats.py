"""Child processes."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

_BOATS = []
_NAP = "import time; time.sleep({})"


def launch():
    _BOATS.append(subprocess.Popen(["sleep", "600"]))  # leak: boat


def launch_with_line():
    boat = subprocess.Popen(  # leak: boat-with-line
        ["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    _BOATS.append(boat)
    boat.stdin.write(b"x")
    boat.stdin.flush()
    return boat.stdout.read(1)


def ghost():
    number = os.fork()  # leak: ghost
    if number == 0:
        os._exit(0)
    return number


def sail(seconds):
    time.sleep(seconds)


def fork_off():
    boat = multiprocessing.get_context("fork").Process(target=sail, args=(600,), daemon=True)
    boat.start()  # leak: forked-off
    _BOATS.append(boat)


# -- innocent from here on


def waited_for_later(seconds):
    boat = subprocess.Popen(["sleep", str(seconds)])
    threading.Thread(target=boat.wait).start()


def forgotten():
    """Ends by itself; the next ``Popen`` waits for it."""
    subprocess.Popen([sys.executable, "-S", "-E", "-c", "pass"])
