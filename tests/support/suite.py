"""The whole suite as `make up` runs it, one for all the tests of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.problem import Problem
from deploy.local.suite import Running, Suite
from tests.support.session import guard, shared
from tests.support.waiting import until

_PATIENCE = 100.0


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config) -> Running:
    """A running suite with ports and data of its own. Tests share it: they use members, SKUs and names of their own."""
    with shared(pytestconfig, "suite") as folder:
        run = folder / "run"
        if not run.exists():
            run.mkdir()
            environment = {"KEHU_RUN_FOLDER": str(run), "KEHU_GATEWAY_PORT": "0"}
            guard(folder, [sys.executable, "-m", "deploy.local"], signal="TERM", environment=environment)
        until(lambda: _ready(run), within=_PATIENCE, what=f"the suite, whose log is {folder / 'log'},")
    return Running(run)


@contextmanager
def own_suite(**environment: str) -> Iterator[Suite]:
    """A suite for one test alone, which may be mistreated; its processes read `environment` too."""
    with TemporaryDirectory(prefix="kehu-suite-") as folder:
        # PostgreSQL may run as another account, which must pass through.
        Path(folder).chmod(0o711)
        with Suite(Path(folder) / "run", environment=environment) as suite:
            yield suite


def _ready(run: Path) -> bool:
    try:
        return Running(run).state.ready
    except Problem:
        return False
