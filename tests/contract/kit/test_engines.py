"""Connections of `kit.db` to a real PostgreSQL."""

from __future__ import annotations

import asyncio
import gc
import random
import warnings
from datetime import datetime

from sqlalchemy import Connection, text

from kit.db import AsyncDatabase


def _unit(connection: Connection, _now: datetime) -> Connection:
    return connection


def _answer(connection: Connection) -> int:
    return int(connection.execute(text("select 1")).scalar_one())


async def test_a_caller_who_leaves_while_a_connection_opens_leaves_none_behind(database_url: str) -> None:
    rng = random.Random(7)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(30):
            database = AsyncDatabase(database_url, _unit)
            callers = [asyncio.create_task(database.read(_answer)) for _ in range(3)]
            await asyncio.sleep(rng.random() * 0.06)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            await database.close()
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    assert complaints == []


async def test_a_database_answers_after_callers_left(database_url: str) -> None:
    database = AsyncDatabase(database_url, _unit, pool_size=2)
    try:
        for pause in (0.0, 0.001, 0.01):
            caller = asyncio.create_task(database.read(_answer))
            await asyncio.sleep(pause)
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)
        assert await asyncio.gather(*(database.read(_answer) for _ in range(8))) == [1] * 8
    finally:
        await database.close()
