"""From orders per second to processes, databases, connections and broker nodes. Every figure says where it comes from.

The arithmetic is plain on purpose: what one order was measured to cost, times the orders, divided by how much of a core
may be used. What was not measured is an assumption of `Assumed`, and is called one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cli.capacity.costs import Costs, ProcessCost
from kit.db import partitions

_DAY = 86_400
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is chosen, not measured."""

    utilisation: float = 0.6
    """How much of its core a process may use at the peak: the rest is for bursts and for the loss of a replica."""
    least_replicas: int = 2
    """Of what must go on when a node is lost."""
    busy_hours: float = 0.5
    """Hours that the orders of an ordinary day would take at the peak rate."""
    retention_days: int = 365
    """How long orders are kept in the databases."""
    divided: Mapping[str, tuple[str, int]] = field(
        default_factory=lambda: {"members": ("ledger_entries", 2), "orders": ("stock_movements", 2)}
    )
    """The table of a database that is divided by its ids, and its rows for an order of one line: points that wait and
    then are available, units that are reserved and then taken."""
    broker_messages: float = 15_000.0
    """Messages per second, in and out, that one node of a broker with quorum queues is trusted with."""
    copies: int = 3
    """Nodes that hold each queue; each does about the work that a single node does."""
    broker_nodes: int = 3
    """Fewer than three can't lose one and go on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the answer."""

    name: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rate of orders needs."""

    orders_per_second: float
    measured: str
    replicas: tuple[Figure, ...]
    databases: tuple[Figure, ...]
    partitions: tuple[Figure, ...]
    connections: tuple[Figure, ...]
    broker: tuple[Figure, ...]
    warnings: tuple[str, ...]


def answer(costs: Costs, orders_per_second: float, assumed: Assumed | None = None) -> Answer:
    """What so many paid orders per second need. Raises ValueError for a rate that is none."""
    if not orders_per_second > 0 or math.isinf(orders_per_second):
        raise ValueError("the orders per second must be a number above zero")
    given = assumed or Assumed()
    replicas = {name: _replicas(name, cost, orders_per_second, given) for name, cost in costs.processes.items()}
    return Answer(
        orders_per_second,
        costs.measured,
        replicas=(*_replica_figures(costs, replicas, orders_per_second, given),),
        databases=(*_databases(costs, orders_per_second, given),),
        partitions=(*_partitions(costs, orders_per_second, given),),
        connections=(*_connections(costs, replicas),),
        broker=(*_broker(costs, replicas, orders_per_second, given),),
        warnings=(*_warnings(costs, orders_per_second, given),),
    )


def cores(cpu_ms: float, orders_per_second: float) -> float:
    """Cores that are busy all the time with what costs so much for each order."""
    return cpu_ms * orders_per_second / 1000


def _relay_ms(costs: Costs, name: str) -> float:
    """Milliseconds of CPU of a relay for each order: by its events, where one event was measured, for a relay that is
    not busy spends most of its time looking for events."""
    events = costs.databases[name.partition("-")[0]].events
    return events * costs.relay_cpu_us / 1000 if costs.relay_cpu_us else costs.processes[name].cpu_ms


def _replicas(name: str, cost: ProcessCost, rate: float, given: Assumed) -> int:
    if name.endswith("-relay"):
        # One leads, one stands by: more would not send faster.
        return min(2, given.least_replicas)
    return max(given.least_replicas, math.ceil(cores(cost.cpu_ms, rate) / given.utilisation))


def _replica_figures(costs: Costs, replicas: dict[str, int], rate: float, given: Assumed) -> Iterator[Figure]:
    for name, cost in costs.processes.items():
        how = f"{cost.cpu_ms:.3f} ms of CPU per order × {rate:g}/s at {given.utilisation:.0%} of a core"
        if name.endswith("-relay"):
            busy = cores(_relay_ms(costs, name), rate)
            how = f"one leads, one stands by; the leader is busy for {busy:.0%} of a core"
        yield Figure(name, replicas[name], "replicas", how)
    count = max(given.least_replicas, math.ceil(cores(costs.gateway_cpu_ms, rate) / given.utilisation))
    yield Figure("gateway", count, "replicas of one core", f"{costs.gateway_cpu_ms:.3f} ms of CPU per order, as above")


def _databases(costs: Costs, rate: float, given: Assumed) -> Iterator[Figure]:
    orders = rate * given.busy_hours * 3600 * given.retention_days
    total = sum(each.cpu_ms for each in costs.databases.values())
    for name, cost in costs.databases.items():
        share = cost.cpu_ms / total if total else 1 / len(costs.databases)
        cpu_ms = cost.cpu_ms + costs.shared_database_cpu_ms * share
        yield Figure(
            f"{name}: cores",
            max(1, math.ceil(cores(cpu_ms, rate) / given.utilisation)),
            "cores",
            f"{cost.cpu_ms:.3f} ms of CPU per order, and its share of what the server does for all",
        )
        yield Figure(
            f"{name}: size",
            round(cost.bytes * orders / _GIB, 1),
            "GiB",
            f"{cost.bytes:,.0f} bytes per order × {given.busy_hours:g} h a day at this rate × {given.retention_days} "
            "days (assumed); a bound: events and stored answers, which go after days, are in it",
        )
    yield Figure(
        "write-ahead log",
        round(costs.log_bytes * rate / 2**20, 2),
        "MiB/s",
        f"{costs.log_bytes:,.0f} bytes per order, all databases",
    )


def _partitions(costs: Costs, rate: float, given: Assumed) -> Iterator[Figure]:
    orders = rate * given.busy_hours * 3600 * given.retention_days
    for name in costs.databases:
        if name not in given.divided:
            continue
        table, each = given.divided[name]
        yield Figure(
            f"{name}: {table}",
            max(1, math.ceil(each * orders / partitions.SIZE)),
            "partitions",
            f"{each} rows for each of {orders:,.0f} orders in {given.retention_days} days (assumed), "
            f"{partitions.SIZE:,} ids in each; {partitions.AHEAD} empty ones are kept ahead of them",
        )


def _connections(costs: Costs, replicas: dict[str, int]) -> Iterator[Figure]:
    for name in costs.databases:
        mine = {process: cost for process, cost in costs.processes.items() if process.partition("-")[0] == name}
        yield Figure(
            name,
            sum(cost.database_connections * replicas[process] for process, cost in mine.items()),
            "connections",
            ", ".join(f"{process} {cost.database_connections} × {replicas[process]}" for process, cost in mine.items()),
        )


def _broker(costs: Costs, replicas: dict[str, int], rate: float, given: Assumed) -> Iterator[Figure]:
    passing = (costs.messages + costs.deliveries) * rate
    needed = math.ceil(passing / given.broker_messages)
    nodes = max(given.broker_nodes, needed + 1 - needed % 2)
    yield Figure("published", round(costs.messages * rate), "messages/s", f"{costs.messages:g} events per order")
    yield Figure("delivered", round(costs.deliveries * rate), "messages/s", f"{costs.deliveries:g} per order")
    yield Figure(
        "connections",
        sum(cost.broker_connections * replicas[name] for name, cost in costs.processes.items()),
        "connections",
        "those of each process × its replicas",
    )
    yield Figure(
        "nodes",
        nodes,
        "nodes",
        f"{passing:,.0f} messages/s in and out, {given.broker_messages:,.0f} a node (assumed), an odd number",
    )
    yield Figure(
        "cores of a node",
        max(1, math.ceil(cores(costs.broker_cpu_ms, rate) * given.copies / nodes / given.utilisation)),
        "cores",
        f"{costs.broker_cpu_ms:.3f} ms of CPU per order on a single node; each queue has {given.copies} copies",
    )


def _warnings(costs: Costs, rate: float, given: Assumed) -> Iterator[str]:
    for name in costs.processes:
        busy = cores(_relay_ms(costs, name), rate) if name.endswith("-relay") else 0.0
        if busy > given.utilisation:
            yield (
                f"{name} would be busy for {busy:.0%} of a core, and only one relay of a service sends at a time: "
                f"it reaches {rate * given.utilisation / busy:,.0f} orders/s at {given.utilisation:.0%} of a core."
            )
    if max(each.cpu_ms for each in costs.databases.values()) * rate / 1000 > 32:
        yield "A database would need more than 32 cores: split by organisation before that."
