"""Lines of the log, as a process writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

_SCRIPT = """
from kit.telemetry import configure_logs, line, log, span
line("before", status="OK")
configure_logs("orders", "serve", "{level}")
log.info("plain", method="A/B", ms=1.5)
line("rpc", method="A/B", caller="someone", status="OK", ms=1.5)
with span("call", kind="server", traceparent="00-{trace}-00f067aa0ba902b7-00"):
    line("rpc", method="客户", status="OK")
line("event", status="ok", trace="{trace}")
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def printed(level: str) -> list[dict[str, Any]]:
    """The lines of a process that logs from this level on."""
    script = _SCRIPT.format(level=level, trace=TRACE)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_line_of_a_call_looks_like_any_other() -> None:
    plain, call, traced, event = printed("info")
    assert set(call) == {*plain, "caller", "status"}
    assert call["time"].endswith("Z")
    assert len(call["time"]) == len(plain["time"])
    origin = {"level": "info", "message": "rpc", "service": "orders", "role": "serve"}
    assert {**origin, "method": "A/B", "caller": "someone", "status": "OK", "ms": 1.5}.items() <= call.items()
    assert (traced["method"], traced["trace_id"]) == ("客户", TRACE)
    assert event["trace_id"] == TRACE


@pytest.mark.parametrize("level", ["warning", "error"])
def test_calls_leave_no_line_where_only_trouble_is_logged(level: str) -> None:
    assert printed(level) == []
