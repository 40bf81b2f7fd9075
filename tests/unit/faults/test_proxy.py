"""The proxy that misbehaves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from faults.proxy import Proxy, proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything again; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(1024):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def between(echo: int) -> Iterator[Proxy]:
    with proxy(echo) as made:
        yield made


def connect(between: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", between.port), timeout=20)


def test_it_passes_on_what_is_said_in_its_order(between: Proxy) -> None:
    with closing(connect(between)) as connection:
        for word in (b"one", b"two"):
            connection.sendall(word)
            assert connection.recv(1024) == word


def test_a_black_hole_takes_everything_and_says_nothing_until_it_closes(between: Proxy) -> None:
    with closing(connect(between)) as connection:
        connection.sendall(b"before")
        assert connection.recv(1024) == b"before"
        between.swallow()
        connection.sendall(b"in the hole")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1024)
        connection.settimeout(20)
        between.heal()
        assert connection.recv(1024) == b"in the hole"


def test_a_delay_is_that_of_a_question_and_its_answer(between: Proxy) -> None:
    with closing(connect(between)) as connection:
        between.delay(0.3)
        begin = time.monotonic()
        connection.sendall(b"far")
        assert connection.recv(1024) == b"far"
        assert time.monotonic() - begin >= 0.3


def test_connections_end_when_the_other_side_ends_them(between: Proxy) -> None:
    with closing(connect(between)) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024) == b"last"
        assert connection.recv(1024) == b""
