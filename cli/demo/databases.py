"""Plain SQL in the services' databases: what the reckoning and the report read, without any code of the services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.extras

Row = tuple[Any, ...]


class Databases:
    """Connections to the databases of the four services, read-only."""

    def __init__(self, url: Callable[[str], str]) -> None:
        self._url = url
        self._open: dict[str, Any] = {}

    def rows(self, service: str, sql: str, *values: object) -> list[Row]:
        """Everything that a query finds."""
        try:
            with self._connection(service).cursor() as cursor:
                cursor.execute(sql, values or None)
                found: list[Row] = cursor.fetchall()
                return found
        except psycopg2.OperationalError:
            # The server went away; the next query opens another connection.
            self._open.pop(service, None)
            raise

    def one(self, service: str, sql: str, *values: object) -> Any:
        """The only value that a query finds."""
        return self.rows(service, sql, *values)[0][0]

    def analyze(self, services: Sequence[str]) -> None:
        """Refresh the planner's statistics, which lag behind an import: without them some questions take a minute."""
        for service in services:
            with self._connection(service).cursor() as cursor:
                cursor.execute("analyze")

    def close(self) -> None:
        """Close the connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _connection(self, service: str) -> Any:
        if service not in self._open:
            connection = psycopg2.connect(self._url(service))
            connection.set_session(readonly=True, autocommit=True)
            psycopg2.extras.register_uuid(None, connection)  # type: ignore[no-untyped-call]
            self._open[service] = connection
        return self._open[service]


@contextmanager
def databases(url: Callable[[str], str]) -> Iterator[Databases]:
    """The databases for the length of a block; `url` says where a service's is."""
    opened = Databases(url)
    try:
        yield opened
    finally:
        opened.close()


def pairs(rows: Sequence[Row]) -> dict[Any, Any]:
    """Rows of two values as a dictionary."""
    return dict(rows)
