"""Lists reach PostgreSQL as they are, whatever is in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from kit.db import Database

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
MOMENTS = st.datetimes(timezones=st.just(UTC))
NASTY = st.sampled_from(["", "null", "NULL", "{", "}", ",", '"', "\\", "\\\\", "'", " a "])


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    database = Database(database_url, lambda connection, now: connection)
    with database._engine.connect() as connection:
        yield connection
    database.close()


def echoed(connection: Connection, kind: str, values: list[Any]) -> list[Any]:
    found: list[Any] = connection.execute(text(f"select cast(:values as {kind}[])"), {"values": values}).scalar_one()
    return found


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.tuples(st.just("text"), st.lists(TEXTS | st.none())),
        st.tuples(st.just("text"), st.lists(NASTY)),
        st.tuples(st.just("bigint"), st.lists(st.integers(-(2**63), 2**63 - 1) | st.none())),
        st.tuples(st.just("uuid"), st.lists(st.uuids())),
        st.tuples(st.just("boolean"), st.lists(st.booleans() | st.none())),
        st.tuples(st.just("timestamptz"), st.lists(MOMENTS | st.none())),
    )
)
def test_a_list_comes_back_as_it_went(connection: Connection, sent: tuple[str, list[Any]]) -> None:
    kind, values = sent
    assert echoed(connection, kind, values) == values


def test_a_moment_keeps_its_instant_in_any_zone(connection: Connection) -> None:
    moment = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert echoed(connection, "timestamptz", [moment]) == [moment]


def test_lists_of_other_things_go_the_driver_s_own_way(connection: Connection) -> None:
    assert [bytes(each) for each in echoed(connection, "bytea", [b"\0a", b'"'])] == [b"\0a", b'"']
    nested = connection.execute(text("select :rows = array[array[1, 2], array[3, 4]]"), {"rows": [[1, 2], [3, 4]]})
    assert nested.scalar_one()


def test_a_list_can_be_searched(connection: Connection) -> None:
    wanted = uuid.uuid4()
    found = connection.execute(
        text("select 1 where cast(:wanted as uuid) = any(cast(:ids as uuid[]))"),
        {"wanted": wanted, "ids": [uuid.uuid4(), wanted]},
    )
    assert found.scalar_one() == 1
