"""What a process loads, third parties included, which no linter of imports can see: asked of a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/worker.py"))
_TRACED = "from kit import telemetry; telemetry.configure_tracing('x', 'y', endpoint='http://127.0.0.1:1')"


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running `code`."""
    program = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
    command = [sys.executable, "-W", "error", "-c", program]
    return set(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split())


def test_a_worker_never_loads_grpc_for_a_call_would_freeze_every_greenlet() -> None:
    modules = loaded(f"from kit.worker.green import patch; patch(); import kit.worker.host; {_TRACED}")
    assert "nameko" in modules
    assert not {name for name in modules if name.partition(".")[0] == "grpc"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_s_worker_loads_grpc(service: str) -> None:
    modules = loaded(f"from kit.worker.green import patch; patch(); import services.{service}.worker")
    assert not {name for name in modules if name.partition(".")[0] == "grpc"}


def test_a_relay_loads_neither_grpc_nor_eventlet() -> None:
    modules = loaded(f"import kit.relay; {_TRACED}")
    assert not {"grpc", "eventlet", "nameko", "sqlalchemy"} & modules


def test_a_list_of_subscriptions_loads_neither_nameko_nor_eventlet() -> None:
    assert not {"grpc", "eventlet", "nameko"} & loaded("import kit.worker; kit.worker.Subscriptions")


def test_eventlet_takes_hold_before_anything_that_blocks_is_loaded() -> None:
    before = loaded("import kit.worker.green")
    assert not {"socket", "ssl", "threading", "psycopg2", "sqlalchemy"} & (before - loaded("pass"))
