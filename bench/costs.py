"""What one paid order costs every process and every database, measured under load: `cli/capacity/costs.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

from bench import latest, machine, proc
from bench.proc import Usage
from bench.runner import ROOT
from bench.stage import Stage
from cli.demo.reconcile_effects import SERVICES

FILE = ROOT / "cli" / "capacity" / "costs.json"
_LEAST_ORDERS = 300
"""Fewer say too little."""

_IDLE_SECONDS = 10.0

_SIZES = "select pg_database_size(current_database())"
_WRITTEN = "select (select count(*) from outbox), (select count(*) from inbox)"
_LOG = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
_LARGEST = """
    select relname, coalesce((select sum(pg_total_relation_size(relid)) from pg_partition_tree(oid)),
                             pg_total_relation_size(oid))
    from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 2 desc limit 5
"""


@dataclass(frozen=True)
class Meter:
    """Readings at the beginning."""

    began: float
    usage: Usage
    databases: Mapping[str, Mapping[str, float]]
    log: float
    idle: Mapping[str, float]
    """CPU seconds of each second in which there is nothing to do: they are nobody's order."""

    @classmethod
    def start(cls, place: Stage) -> Meter:
        """Watch the suite do nothing for a while, then read everything once."""
        before, began = place.usage(), monotonic()
        sleep(_IDLE_SECONDS)
        usage = place.usage()
        passed = monotonic() - began
        idle = {kind: used / passed for kind, used in usage.since(before).items()}
        return cls(monotonic(), usage, _databases(place), _log(place), idle)

    def stop(self, place: Stage, *, orders: int, rate: float, case: str) -> dict[str, Any]:
        """What each order has cost since then. `rate`: orders per second while they came; `case`: who measured it."""
        passed = monotonic() - self.began
        used = {
            kind: max(0.0, seconds - passed * self.idle.get(kind, 0.0))
            for kind, seconds in place.usage().since(self.usage).items()
        }
        now = _databases(place)
        connections = place.connections()
        memory = {process.name: proc.peak_memory(process.pid or 0) for process in place.services()}
        load, busy = machine.busy()
        return {
            "source": {
                "command": f"make bench ARGS='--only {case}'",
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "orders": orders,
                "orders_per_second": round(rate, 1),
                "seconds": round(passed, 1),
                "load_after": load,
                "busy": busy,
                "machine": machine.describe(),
            },
            "processes": {
                name: {
                    "cpu_ms_per_order": round(used[name] * 1000 / orders, 4),
                    "idle_cpu_ms_per_second": round(self.idle.get(name, 0.0) * 1000, 2),
                    "memory_mib": round(memory[name], 1),
                    "database_connections": connections[name]["database"],
                    "broker_connections": connections[name]["broker"],
                }
                for name in sorted(memory)
            },
            "gateway": {"cpu_ms_per_order": round(used["gateway"] * 1000 / orders, 4)},
            "broker": {
                "cpu_ms_per_order": round(used["rabbitmq"] * 1000 / orders, 4),
                "messages_per_order": _per(now, self.databases, "sent", orders),
                "deliveries_per_order": _per(now, self.databases, "taken", orders),
            },
            "databases": {
                service: {
                    "cpu_ms_per_order": round(used.get(f"postgres {service}", 0.0) * 1000 / orders, 4),
                    "bytes_per_order": round((now[service]["bytes"] - self.databases[service]["bytes"]) / orders),
                    "events_per_order": round((now[service]["sent"] - self.databases[service]["sent"]) / orders, 3),
                    "largest_tables": [str(row[0]) for row in place.query(service, _LARGEST)],
                }
                for service in SERVICES
            },
            "postgres": {
                "shared_cpu_ms_per_order": round(used.get("postgres shared", 0.0) * 1000 / orders, 4),
                "log_bytes_per_order": round((_log(place) - self.log) / orders),
            },
        }


def keep(found: dict[str, Any]) -> None:
    """Write the costs down, unless they say too little or those that are there were measured on a quieter machine.

    What a relay takes for an event is kept: it is measured elsewhere, with so many events that it never looks in vain.
    """
    source = found["source"]
    if source["orders"] < _LEAST_ORDERS:
        print(f"The costs are not kept: {source['orders']} orders are too few.", flush=True)
        return
    if source["busy"] and not _known().get("source", {"busy": True})["busy"]:
        print("The costs are not kept: those that are there come from a quiet machine.", flush=True)
        return
    latest.write(FILE, {**found, "relay": _known().get("relay", {})})


def keep_relay(*, microseconds: float, per_second: float) -> None:
    """Write down what a relay takes for an event, if the costs of orders are there already."""
    known = _known()
    if known:
        _, busy = machine.busy()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        relay = {"cpu_us_per_event": round(microseconds, 1), "events_per_second": round(per_second)}
        known["relay"] = {**relay, "command": "make bench ARGS='--only relay'", "time": now, "busy": busy}
        latest.write(FILE, known)


def _known() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


def _databases(place: Stage) -> dict[str, dict[str, float]]:
    readings = {}
    for service in SERVICES:
        ((size,),) = place.query(service, _SIZES)
        ((sent, taken),) = place.query(service, _WRITTEN)
        readings[service] = {"bytes": float(str(size)), "sent": float(str(sent)), "taken": float(str(taken))}
    return readings


def _log(place: Stage) -> float:
    ((written,),) = place.query("orders", _LOG)
    return float(str(written))


def _per(
    now: Mapping[str, Mapping[str, float]], then: Mapping[str, Mapping[str, float]], what: str, orders: int
) -> float:
    return round(sum(now[service][what] - then[service][what] for service in now) / orders, 3)
