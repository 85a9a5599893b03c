import socketserver
import threading

import pytest

from dock import chores, links


@pytest.fixture(scope="session")
def office():
    office = chores.Office()
    yield office
    office.close()


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(16):
            self.request.sendall(data)


class Exchange(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class Silent(socketserver.TCPServer):
    """Takes every line and answers nobody."""


@pytest.fixture(scope="session")
def exchange():
    """A server for the whole session: a thread for each line while it is open."""
    with Exchange(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def listener():
    """Takes no line: they wait in its queue."""
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(4096)
        yield listening.getsockname()


@pytest.fixture(scope="session")
def pool(listener):
    pool = links.LinePool(listener)
    yield pool
    for line in pool.lines:
        line.close()


@pytest.fixture
def cargo(tmp_path):
    path = tmp_path / "cargo.txt"
    path.write_text("apples\nrotten eggs\n", encoding="utf-8")
    return str(path)
