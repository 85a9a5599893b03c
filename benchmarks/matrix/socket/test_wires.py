import socket

import pytest
import pytest_socket
import shop


def test_blocked():
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket()


def test_fails_without_a_wire():
    socket.create_connection(("127.0.0.1", 1))


def test_allowed(socket_enabled):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))


@pytest.mark.enable_socket
def test_marked():
    socket.socketpair()[0].close()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_hosts():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()):
            pass


def test_leak_without_a_wire():
    shop.sell()


def test_leak_of_a_socket(socket_enabled):
    shop.ORDERS.append(socket.socket())
