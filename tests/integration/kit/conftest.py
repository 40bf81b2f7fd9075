"""The sample service between a real database and a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sample import schema
from tests.support.sample.harness import Harness


@pytest.fixture
def sample(database_url: str, broker_url: str, tmp_path: Path) -> Harness:
    """Everything is declared, nothing runs yet."""
    schema.create(database_url)
    return Harness(database_url, broker_url, tmp_path)
