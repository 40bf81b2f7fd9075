"""Runs a case in a process of its own, and ends all of it when it takes too long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine
from bench.case import Case, Pace

ROOT = Path(__file__).parents[1]
_UNWIND_SECONDS = 60.0


def run(case: Case, pace: Pace, folder: Path) -> dict[str, Any] | None:
    """Measure a case; what it found, with when and where. None when it failed."""
    into = folder / f"{case.name}.json"
    into.unlink(missing_ok=True)
    load, busy = machine.busy()
    if busy:
        print(f"The machine is busy (load average {load}): these figures are marked so.", flush=True)
    began, started = datetime.now(UTC), time.monotonic()
    status = _wait(_start(case, pace, into), case.minutes * 60 + (pace.seconds or 0))
    if status != 0 or not into.exists():
        print(f"{case.name} ended with status {status}.", flush=True)
        return None
    return {
        "title": case.title,
        "time": began.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "quick": pace.quick,
        "busy": busy,
        "load_before": load,
        "machine": machine.describe(),
        **json.loads(into.read_text(encoding="utf-8")),
    }


def _start(case: Case, pace: Pace, into: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "gen")])
    command = [sys.executable, "-m", "bench", "--only", case.name, "--into", str(into), *pace.arguments()]
    # In a session of its own, so that everything it started can be ended with it.
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, start_new_session=True)  # noqa: S603 - ours


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"Given up after {seconds:.0f} s.", flush=True)
        return -1
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it take down what it started; by force when it can't."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_UNWIND_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
