"""What one order costs, as `make bench` measured it: the file `costs.json`, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """A kind of process, for example `orders-serve`."""

    cpu_ms: float
    memory_mib: float
    database_connections: int
    broker_connections: int


@dataclass(frozen=True, slots=True)
class DatabaseCost:
    """A service's database."""

    cpu_ms: float
    bytes: float
    events: float
    largest_tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one paid order costs everybody. CPU is in milliseconds of one core of the machine it was measured on."""

    measured: str
    """Where the figures come from, as a sentence."""
    processes: Mapping[str, ProcessCost]
    databases: Mapping[str, DatabaseCost]
    relay_cpu_us: float
    """Microseconds of CPU that a relay takes for an event; 0: not measured."""
    gateway_cpu_ms: float
    broker_cpu_ms: float
    messages: float
    deliveries: float
    shared_database_cpu_ms: float
    log_bytes: float


def load(file: Path = FILE) -> Costs:
    """The costs of a file. Raises ValueError when it is not of this shape."""
    try:
        return parse(json.loads(file.read_text(encoding="utf-8")))
    except KeyError as error:
        raise ValueError(f"{file} says nothing about {error}") from None


def parse(found: Mapping[str, Any]) -> Costs:
    """The costs of a document."""
    return Costs(
        measured=_measured(found["source"]),
        processes={
            name: ProcessCost(
                float(each["cpu_ms_per_order"]),
                float(each["memory_mib"]),
                int(each["database_connections"]),
                int(each["broker_connections"]),
            )
            for name, each in found["processes"].items()
        },
        databases={
            name: DatabaseCost(
                float(each["cpu_ms_per_order"]),
                float(each["bytes_per_order"]),
                float(each["events_per_order"]),
                tuple(each["largest_tables"]),
            )
            for name, each in found["databases"].items()
        },
        relay_cpu_us=float(found.get("relay", {}).get("cpu_us_per_event", 0.0)),
        gateway_cpu_ms=float(found["gateway"]["cpu_ms_per_order"]),
        broker_cpu_ms=float(found["broker"]["cpu_ms_per_order"]),
        messages=float(found["broker"]["messages_per_order"]),
        deliveries=float(found["broker"]["deliveries_per_order"]),
        shared_database_cpu_ms=float(found["postgres"]["shared_cpu_ms_per_order"]),
        log_bytes=float(found["postgres"]["log_bytes_per_order"]),
    )


def _measured(source: Mapping[str, Any]) -> str:
    busy = ", on a busy machine" if source["busy"] else ""
    return (
        f"{source['orders']:,} orders at {source['orders_per_second']:g}/s on {source['machine']['cpus']} cores, "
        f"{source['time'][:10]}{busy}; {source['command']}"
    )
