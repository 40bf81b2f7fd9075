"""Whether a process of the suite does its work, asked the way its users would."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import psycopg2

_SECONDS = 2.0
_AMQP = b"AMQP\x00\x00\x09\x01"
_CONNECTION_START = b"\x01\x00\x00"


def http(address: str, path: str) -> bool:
    """Whether `GET path` on host:port answers 200."""
    return _get(address, path) is not None


def page(address: str, path: str) -> str | None:
    """What `GET path` on host:port answers with 200, if it does."""
    found = _get(address, path)
    return None if found is None else found.decode()


def broker(port: int) -> bool:
    """Whether RabbitMQ on a loopback port greets a client."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(_AMQP)
            return connection.recv(16).startswith(_CONNECTION_START)
    except OSError:
        return False


def database(url: str) -> bool:
    """Whether PostgreSQL lets a client in."""
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def behind_gateway(admin: str) -> set[str]:
    """The services that pass the gRPC health checks of the gateway, whose admin interface is at host:port."""
    page = _get(admin, "/clusters?format=json")
    return set(_healthy(json.loads(page))) if page else set()


def _healthy(page: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    for cluster in page["cluster_statuses"]:
        hosts = cluster.get("host_statuses")
        # A host carries a flag for each thing that is wrong with it.
        if isinstance(hosts, list) and any(set(host["health_status"]) == {"eds_health_status"} for host in hosts):
            yield str(cluster["name"])


def _get(address: str, path: str) -> bytes | None:
    # Not urllib, which would ask a proxy that the environment names for loopback too.
    connection = HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == HTTPStatus.OK else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
