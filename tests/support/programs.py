"""Processes of Kehu as tests start them: with their own log, asked over HTTP how they are, ended in every case."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import until

_ROOT = Path(__file__).parents[2]
_PATIENCE = 30.0


@dataclass
class Program:
    """One process; `log` is what it prints."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, message: str = "") -> list[dict[str, object]]:
        """The log lines with this message, or all."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not message or line.get("message") == message]

    def wait_for(self, message: str) -> dict[str, object]:
        """The first log line with this message."""
        return until(lambda: self._lines_while_running(message), within=_PATIENCE, what=message)[0]

    def health(self) -> tuple[int, str]:
        """Status and body of /healthz."""
        return self._get("/healthz")

    def metric(self, name: str, **labels: str) -> float:
        """The present value of a sample; 0 if there is none yet."""
        families = text_string_to_metric_families(self._get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        try:
            self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()

    def _get(self, path: str) -> tuple[int, str]:
        address = until(lambda: [line["metrics"] for line in self.lines() if "metrics" in line], within=_PATIENCE)[0]
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def _lines_while_running(self, message: str) -> list[dict[str, object]]:
        found = self.lines(message)
        if not found and self.process.poll() is not None:
            raise AssertionError(f"the process has ended with {self.process.returncode}:\n{self.log.read_text()}")
        return found


@contextmanager
def running(module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Iterator[Program]:
    """`python -m module`, until the end of the block at the latest."""
    paths = os.pathsep.join([str(_ROOT), str(_ROOT / "gen")])
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("KEHU_", "COV_"))}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, *arguments],
            cwd=_ROOT,
            env={**inherited, "PYTHONPATH": paths, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    program = Program(process, log)
    try:
        yield program
    finally:
        if process.poll() is None:
            program.end()
