"""Sockets: signals between ships, a pool of lines to the office."""

import select
import socket
import threading

_LINES = []
_OFFICES = []
_SELECTORS = []


def call(address):
    line = socket.create_connection(address, timeout=10)  # leak: line
    line.sendall(b"x")
    _LINES.append(line)


def open_office():
    office = socket.socket()  # leak: office
    office.bind(("127.0.0.1", 0))
    office.listen()
    _OFFICES.append(office)
    return office.getsockname()


def hand_over():
    here, there = socket.socketpair()  # leak: handed-over
    there.close()
    return here.detach()


def watch():
    poll = select.epoll()  # leak: epoll
    _SELECTORS.append(poll)


class Circle:
    """Two ends that refer to each other: the collector closes them."""

    def __init__(self):
        self.ends = socket.socketpair()
        self.me = self


class LinePool:
    """At most ``most`` lines; each call takes the next free one, and opens another while there are few."""

    def __init__(self, address, most=9):
        self.address = address
        self.most = most
        self.lines = []
        self.turn = 0
        self.lock = threading.Lock()

    def take(self):
        with self.lock:
            self.turn += 1
            if len(self.lines) < self.most:
                self.lines.append(socket.create_connection(self.address, timeout=10))
                return self.lines[-1]
            return self.lines[self.turn % self.most]
