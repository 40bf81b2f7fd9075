"""What processes cost."""

from __future__ import annotations

import os
import socket

import pytest

from bench import proc
from bench.proc import Usage


@pytest.mark.parametrize(
    ("title", "database"),
    [
        ("postgres: kehu_orders kehu_orders 127.0.0.1(51234) idle", "kehu_orders"),
        ("postgres: checkpointer", "shared"),
        ("postgres: autovacuum worker kehu_orders", "shared"),
        ("postgres: walwriter", "shared"),
        ("beam.smp -W w", "shared"),
    ],
)
def test_a_backend_is_told_from_the_servers_own_processes(title: str, database: str) -> None:
    assert proc.database_of(title) == database


def test_a_process_has_used_time_and_memory() -> None:
    assert proc.cpu(os.getpid()) > 0
    assert 0 < proc.memory(os.getpid()) <= proc.peak_memory(os.getpid())


def test_a_process_that_is_gone_costs_nothing() -> None:
    assert proc.cpu(2**30) == 0
    assert proc.memory(2**30) == 0
    assert proc.connections(2**30, 5432) == 0


def test_connections_are_counted_by_the_port_they_go_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert proc.connections(os.getpid(), port) == 2


def test_usage_since_an_earlier_reading_is_never_negative() -> None:
    assert Usage({"a": 3.0, "b": 1.0, "new": 0.5}).since(Usage({"a": 1.0, "b": 2.0})) == {
        "a": 2.0,
        "b": 0.0,
        "new": 0.5,
    }
