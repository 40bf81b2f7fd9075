"""What `make fuzz` takes for trouble."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.local.suite import Suite
from tools import fuzz


@dataclass
class Process:
    name: str
    pid: int | None
    log: str


@dataclass
class Running:
    found: list[Process]

    def processes(self) -> list[Process]:
        return self.found


@pytest.fixture
def failure(tmp_path: Path) -> Path:
    """The log of a process in which a call failed, as a service writes it."""
    failing = """
from kit.telemetry import configure_logs, log
configure_logs("orders", "serve")
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("rpc failed", method="kehu.orders.v1.OrdersService/GetOrder", exc_info=error)
"""
    done = subprocess.run([sys.executable, "-c", failing], capture_output=True, text=True, check=True, cwd=fuzz.ROOT)
    file = tmp_path / "orders-serve.log"
    file.write_text(done.stdout)
    return file


def troubles(process: Process, before: int | None) -> list[str]:
    return list(fuzz.troubles(cast("Suite", Running([process])), cast("Any", {process.name: before})))


def test_a_failure_in_a_log_and_a_process_that_died_are_troubles(failure: Path) -> None:
    process = Process("orders-serve", 2, str(failure))

    died, failed = troubles(process, 1)

    assert died == "orders-serve died"
    assert failed.startswith("orders-serve: kehu.orders.v1.OrdersService/GetOrder failed: ")
    assert "ZeroDivisionError" in failed


def test_a_quiet_log_of_the_same_process_is_none(tmp_path: Path) -> None:
    quiet = tmp_path / "log"
    quiet.write_text('{"message": "rpc", "status": "NOT_FOUND"}\n')

    assert troubles(Process("orders-serve", 1, str(quiet)), 1) == []


def test_every_check_is_about_what_the_gateway_and_the_services_answer() -> None:
    called = fuzz.command("http://127.0.0.1:1", "a.b.c", seconds=60, examples=5, workers=2)

    assert called[called.index("--checks") + 1].split(",")[0] == "not_a_server_error"
    assert called[called.index("--max-time") + 1] == "60"
