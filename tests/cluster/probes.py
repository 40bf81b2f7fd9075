"""The probes of a container, asked the way the kubelet asks."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def well(probe: Mapping[str, Any], address: str, ports: Mapping[str, int]) -> bool:
    """Whether a probe is answered as it should be, within its time."""
    seconds = float(probe.get("timeoutSeconds", 1))
    if "grpc" in probe:
        return _grpc(f"{address}:{probe['grpc']['port']}", seconds)
    if "httpGet" in probe:
        return _http(address, _port(probe["httpGet"]["port"], ports), probe["httpGet"]["path"], seconds)
    if "tcpSocket" in probe:
        return _tcp(address, _port(probe["tcpSocket"]["port"], ports), seconds)
    raise NotImplementedError(f"the runner does not know the probe {sorted(probe)}")


def _port(named: str | int, ports: Mapping[str, int]) -> int:
    return named if isinstance(named, int) else ports[named]


def _grpc(address: str, seconds: float) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            check = health_pb2_grpc.HealthStub(channel).Check
            answer = check(health_pb2.HealthCheckRequest(), timeout=seconds, wait_for_ready=True)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _http(address: str, port: int, path: str, seconds: float) -> bool:
    connection = HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return 200 <= connection.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _tcp(address: str, port: int, seconds: float) -> bool:
    try:
        socket.create_connection((address, port), timeout=seconds).close()
    except OSError:
        return False
    return True
