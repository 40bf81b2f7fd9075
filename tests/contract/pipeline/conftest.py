"""Pipeline's database, as its worker sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from kit.db import Database
from services.pipeline import publish
from services.pipeline.storage.unit import PipelineUnit


@pytest.fixture
def url(migrated: Callable[[str], str]) -> str:
    """The service's database."""
    return migrated("pipeline")


@pytest.fixture
def database(url: str) -> Iterator[Database[PipelineUnit]]:
    """A pool on it that is wide enough for a crowd."""
    database = Database(url, partial(PipelineUnit, publish=publish.to_event), pool_size=20)
    yield database
    database.close()
