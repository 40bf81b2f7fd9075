"""A synchronous connection to RabbitMQ (py-amqp); cooperative in a process that eventlet has patched."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import amqp

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
BROKER_ERRORS = (amqp.AMQPError, OSError)
"""What a connection fails with. Whatever it was, the way out is a new connection."""

_PORTS = {"amqp": 5672, "amqps": 5671}


def connect(url: str, *, heartbeat: int = 0, name: str = "kehu", confirms: bool = False) -> amqp.Connection:
    """An open connection to `amqp://user:password@host:port/vhost` (`amqps` for TLS). Raises one of BROKER_ERRORS.

    With a `heartbeat` (seconds) the caller must call `heartbeat_tick` about once a second. With `confirms` each publish
    waits until the broker has taken charge of the message.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("a broker's address begins with amqp:// or amqps://")
    connection = amqp.Connection(
        f"{parts.hostname or 'localhost'}:{parts.port or _PORTS[parts.scheme]}",
        userid=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        login_method="PLAIN",
        virtual_host=virtual_host(url),
        ssl=_verified(parts.hostname) if parts.scheme == "amqps" else False,
        heartbeat=heartbeat,
        connect_timeout=CONNECT_SECONDS,
        confirm_publish=confirms,
        client_properties={"connection_name": name},
    )
    connection.connect()
    # Nothing waits for an answer any longer than that, unless it says so.
    connection.transport.sock.settimeout(ANSWER_SECONDS)
    return connection


def virtual_host(url: str) -> str:
    """The virtual host in an address: what follows the first slash; without a slash, or with nothing behind it, `/`."""
    return unquote(urlsplit(url).path[1:]) or "/"


def _verified(host: str | None) -> dict[str, object]:
    return {"context": {"check_hostname": True}, "server_hostname": host}
