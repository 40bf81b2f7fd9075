"""Each process from nothing until it serves: CPU, because on a busy machine seconds say nothing; and the memory it has
then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench import proc
from bench.case import Pace
from bench.installation import ROOT, Installation, installation
from bench.table import Table
from cli.demo.reconcile_effects import SERVICES
from tests.support.rabbitmq import free_ports
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Start:
    """CPU seconds and seconds until it served, and MiB of memory then."""

    cpu: float
    seconds: float
    memory: float


def run(pace: Pace, table: Table) -> None:
    """Start every server a few times; the first time, which reads the files from disk, does not count."""
    with installation(*SERVICES) as place:
        for service in SERVICES:
            _start(place, service)
            found = [_start(place, service) for _ in range(pace.repetitions(quick=1, full=5))]
            table.add(f"{service} serve, CPU until SERVING", [each.cpu for each in found], "s", most=2)
            table.add(f"{service} serve, until SERVING", [each.seconds for each in found], "s")
            table.add(f"{service} serve, memory then", [each.memory for each in found], "MiB", most=160)


def _start(place: Installation, service: str) -> Start:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    # Address of a peer that nobody calls: a process starts without its peers.
    peers = {f"KEHU_PEERS_{peer.upper()}": "127.0.0.1:1" for peer in SERVICES if peer != service}
    environment = {**os.environ, **place.settings(service), **peers, "KEHU_GRPC_ADDRESS": address}
    began = time.monotonic()
    with _running([sys.executable, "-m", f"services.{service}", "serve"], environment, place) as process:
        until(lambda: _serves(address, process), within=120, every=0.01, what=f"{service} serves")
        return Start(proc.cpu(process.pid), time.monotonic() - began, proc.memory(process.pid))


@contextmanager
def _running(command: list[str], environment: dict[str, str], place: Installation) -> Iterator[subprocess.Popen[bytes]]:
    with (place.folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)  # noqa: S603 - ours
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _serves(address: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the process ended with {process.returncode} before it served")
    # A channel of its own each time: one that was refused waits before it tries again.
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
