"""Campaigns' use-cases on a real database, with a clock that tests turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from kit.db import Database
from services.campaigns import metrics, publish
from services.campaigns.storage.unit import CampaignsUnit
from tests.support.builders.campaigns import NOW


@dataclass
class World:
    """The service's database at an instant."""

    url: str
    now: datetime = NOW
    database: Database[CampaignsUnit] = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(
            self.url,
            partial(CampaignsUnit, publish=publish.to_event),
            committed=metrics.count,
            clock=lambda: self.now,
            pool_size=16,
        )

    def do(self, usecase: Callable[..., Any], *arguments: Any) -> Any:
        """Run a use-case in a transaction."""
        return self.database.write(usecase, *arguments)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""

        def read(unit: CampaignsUnit) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in unit.connection.execute(text(query), parameters)]

        return self.database.read(read)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the published events of a kind, in their order."""
        rows = self.rows("select payload from outbox where type = :kind order by sequence", kind=kind)
        return [json.loads(payload) for (payload,) in rows]


@pytest.fixture
def world(migrated: Callable[[str], str]) -> Iterator[World]:
    """A database at the head of the migrations."""
    world = World(migrated("campaigns"))
    yield world
    world.database.close()
