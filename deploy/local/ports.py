"""TCP ports on loopback: free ones for what nobody has to know, and a clear word when a wanted one is taken."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

import psutil

from deploy.local.problem import Problem

HOST = "127.0.0.1"
_LOWEST = 20_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free(count: int) -> list[int]:
    """So many free ports, below the range that outgoing connections take theirs from."""
    highest = int(_RANGE.read_text().split()[0])
    candidates = random.sample(range(_LOWEST, max(highest, _LOWEST + 4_000)), 2_000)
    found: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            taken = _bind(port)
            if taken is not None:
                held.enter_context(taken)
                found.append(port)
            if len(found) == count:
                return found
    raise Problem(f"There are no {count} free ports above {_LOWEST} on this machine; stop what holds them.")


def demand(port: int, *, variable: str) -> None:
    """Raise a Problem that names the holder unless `port` is free; `variable` chooses another."""
    probe = _bind(port)
    if probe is not None:
        probe.close()
        return
    if port < 1024 and not _holder(port):
        raise Problem(f"Port {port} needs root; choose one above 1023, for example with {variable}=8080.")
    raise Problem(
        f"Port {port} is taken by {_holder(port) or 'another program'}; "
        f"stop it, or choose another port, for example with {variable}={port + 1}."
    )


def _bind(port: int) -> socket.socket | None:
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
        probe.listen(1)
    except OSError:
        probe.close()
        return None
    return probe


def _holder(port: int) -> str:
    """The program that listens on a port; empty when it belongs to somebody else and can't be seen."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
