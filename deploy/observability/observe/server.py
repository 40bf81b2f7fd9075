"""A real Prometheus that scrapes a suite on this machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from deploy.local import ports
from deploy.local.account import Account
from deploy.local.problem import Problem
from deploy.local.state import State
from deploy.observability.generate import RULES
from deploy.observability.programs import find

SCRAPE_SECONDS = 2
_START_SECONDS = 60.0
_CALL_SECONDS = 60.0
RATE_INTERVAL = "30s"
"""What Grafana would put in place of `$__rate_interval`: some scrapes."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """A server that runs."""

    url: str

    def now(self, expression: str) -> list[Json]:
        """The series that an expression answers at this moment, without those that are no number."""
        found = self._get("query", {"query": concrete(expression)})["result"]
        return [each for each in found if each["value"][1] != "NaN"]

    def over(self, expression: str, *, start: float, end: float, step: float) -> list[Json]:
        """The series of an expression over time."""
        asked = {"query": concrete(expression), "start": str(start), "end": str(end), "step": str(step)}
        found: list[Json] = self._get("query_range", asked)["result"]
        return found

    def _get(self, what: str, asked: dict[str, str]) -> Json:
        answer = requests.post(f"{self.url}/api/v1/{what}", data=asked, timeout=_CALL_SECONDS).json()
        if answer["status"] != "success":
            raise Problem(f"Prometheus refuses {asked['query']}: {answer['error']}.")
        data: Json = answer["data"]
        return data


def concrete(expression: str) -> str:
    """An expression of a panel as Prometheus takes it."""
    return expression.replace("$__rate_interval", RATE_INTERVAL)


@contextmanager
def serving(folder: Path, state: State) -> Iterator[Prometheus]:
    """A Prometheus with an empty memory, gone at the end of the block and at the latest with this program."""
    folder.mkdir(parents=True)
    (port,) = ports.free(1)
    configuration = folder / "prometheus.yaml"
    configuration.write_text(yaml.safe_dump(_configuration(state)))
    command = [
        str(find().prometheus),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={ports.HOST}:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(Account().run(command, death_signal="KILL"), stdout=log, stderr=log)
        try:
            server = Prometheus(f"http://{ports.HOST}:{port}")
            _wait(server, process, folder)
            yield server
        finally:
            process.terminate()
            process.wait()


def _wait(server: Prometheus, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if requests.get(f"{server.url}/-/ready", timeout=1).ok:
                return
        except requests.RequestException:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise Problem(f"Prometheus does not start; its log is {folder / 'prometheus.log'}.")
        time.sleep(0.1)


def _configuration(state: State) -> Json:
    """Each process as the chart's ServiceMonitor labels it."""
    services = [
        {"targets": [each.metrics_address], "labels": {"service": each.service, "role": each.role}}
        for each in state.processes
        if each.service
    ]
    gateway = {"targets": [state.process("gateway").metrics_address], "labels": {"service": "gateway"}}
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": [str(file) for file in sorted(RULES.glob("*.yaml"))],
        "scrape_configs": [
            {"job_name": "services", "static_configs": services},
            {"job_name": "gateway", "metrics_path": "/stats/prometheus", "static_configs": [gateway]},
        ],
    }
