"""What is said to a database meanwhile, and how it goes about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from kit.db import AsyncDatabase, Database
from kit.unit import Unit

Plan = dict[str, Any]

_WAITING = text("""
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
""")


@contextmanager
def sent(to: Database[Any] | AsyncDatabase[Any] | Connection) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, in their order."""
    texts: list[str] = []
    with _heard(_target(to), lambda text, _: texts.append(text)):
        yield texts


def plans(connection: Connection, read: Callable[[], object]) -> list[Plan]:
    """The plans of a read's statements, by `explain`."""
    asked: list[tuple[str, Any]] = []
    with _heard(connection, lambda text, parameters: asked.append((text, parameters))):
        read()
    explained = [
        connection.exec_driver_sql(f"explain (format json) {text}", parameters).scalar()
        for text, parameters in asked
        if not text.startswith("set")
    ]
    return [plan[0]["Plan"] for plan in explained if plan]


def indexes(plan: Plan) -> list[str]:
    """The indexes that a plan goes by."""
    own = [plan["Index Name"]] if "Index Name" in plan else []
    return [*own, *(name for below in plan.get("Plans", []) for name in indexes(below))]


def someone_waits(unit: Unit) -> bool:
    """Whether a transaction of this database waits for a row that another one has."""
    return bool(unit.connection.scalar(_WAITING))


def _target(to: Database[Any] | AsyncDatabase[Any] | Connection) -> Engine | Connection:
    if isinstance(to, Connection):
        return to
    return to._engine.sync_engine if isinstance(to, AsyncDatabase) else to._engine


@contextmanager
def _heard(target: Engine | Connection, note: Callable[[str, Any], None]) -> Iterator[None]:
    def hear(_: object, __: object, text: str, parameters: object, *___: object) -> None:
        note(text, parameters)

    event.listen(target, "before_cursor_execute", hear)
    try:
        yield
    finally:
        event.remove(target, "before_cursor_execute", hear)
