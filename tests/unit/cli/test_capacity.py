"""How large an installation must be."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.capacity.answer import Answer, Assumed, Figure, answer
from cli.capacity.costs import Costs, DatabaseCost, ProcessCost, load, parse
from cli.main import build
from kit.db import partitions

COSTS = Costs(
    measured="10,000 orders",
    processes={
        "orders-serve": ProcessCost(2.0, 120.0, 8, 0),
        "orders-consume": ProcessCost(0.1, 90.0, 2, 3),
        "orders-relay": ProcessCost(5.0, 60.0, 2, 1),
    },
    databases={"orders": DatabaseCost(1.0, 4_000, 2.0, ("orders", "order_lines"))},
    relay_cpu_us=50.0,
    gateway_cpu_ms=0.3,
    broker_cpu_ms=0.6,
    messages=2.0,
    deliveries=3.0,
    shared_database_cpu_ms=0.5,
    log_bytes=8_000,
)


def figure(group: tuple[Figure, ...], name: str) -> float:
    """One line of the answer."""
    return next(each.value for each in group if each.name == name)


def needed(rate: float, costs: Costs = COSTS, **assumed: float) -> Answer:
    """What a rate needs."""
    return answer(costs, rate, Assumed(**assumed))  # type: ignore[arg-type]


def test_replicas_are_the_work_divided_by_what_a_core_may_do() -> None:
    # 2 ms x 5,000/s are 10 cores; at 60 % of a core that is 16.7 replicas.
    assert figure(needed(5_000).replicas, "orders-serve") == 17
    assert figure(needed(5_000, utilisation=1.0).replicas, "orders-serve") == 10


def test_nothing_runs_alone() -> None:
    small = needed(1)
    assert {each.value for each in small.replicas} == {2}
    assert figure(small.broker, "nodes") == 3


def test_one_relay_leads_however_many_orders_there_are() -> None:
    large = needed(5_000)
    assert figure(large.replicas, "orders-relay") == 2
    source = next(each.source for each in large.replicas if each.name == "orders-relay")
    assert "busy for 50% of a core" in source


def test_a_relay_that_would_not_keep_up_is_told() -> None:
    assert needed(5_000).warnings == ()
    (warning,) = needed(10_000).warnings
    assert warning.startswith("orders-relay would be busy for 100% of a core")
    assert "6,000 orders/s" in warning


def test_a_relay_is_judged_by_itself_where_no_event_was_measured() -> None:
    assert "busy for 500%" in needed(1_000, replace(COSTS, relay_cpu_us=0.0)).warnings[0]


def test_databases_grow_with_what_is_kept() -> None:
    year = figure(needed(100, busy_hours=4).databases, "orders: size")
    assert year == pytest.approx(4_000 * 100 * 4 * 3600 * 365 / 2**30, abs=0.1)
    assert figure(needed(100, busy_hours=4, retention_days=730).databases, "orders: size") == pytest.approx(
        2 * year, rel=0.01
    )


def test_partitions_are_as_large_as_the_migrations_make_them() -> None:
    # 1,000 orders a second for half an hour of each day of a year: 657 million orders, two rows each.
    assert figure(needed(1_000).partitions, "orders: stock_movements") == math.ceil(2 * 657_000_000 / partitions.SIZE)
    assert figure(needed(1).partitions, "orders: stock_movements") == 1


def test_connections_are_those_of_all_replicas() -> None:
    assert figure(needed(5_000).connections, "orders") == 17 * 8 + 2 * 2 + 2 * 2


def test_a_broker_has_an_odd_number_of_nodes() -> None:
    # 5 messages an order, in and out: 100,000 a second at 15,000 a node are 7 nodes.
    assert figure(needed(20_000).broker, "nodes") == 7
    assert figure(needed(12_000).broker, "nodes") == 5


@given(st.floats(0.01, 100_000), st.floats(1, 10))
def test_more_orders_never_need_less(rate: float, times: float) -> None:
    fewer, more = needed(rate), needed(rate * times)
    for group in ("replicas", "databases", "partitions", "connections", "broker"):
        for one, other in zip(getattr(fewer, group), getattr(more, group), strict=True):
            if one.name != "cores of a node":
                assert other.value >= one.value, one.name


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        answer(COSTS, rate)


def test_every_figure_says_where_it_comes_from() -> None:
    found = needed(1_000)
    for group in (found.replicas, found.databases, found.partitions, found.connections, found.broker):
        assert group
        assert all(each.source for each in group)


def test_the_kept_costs_are_whole() -> None:
    costs = load()
    services = {"members", "orders", "campaigns", "pipeline"}
    assert set(costs.databases) == services
    assert set(costs.processes) == {f"{name}-{role}" for name in services for role in ("serve", "consume", "relay")}
    assert costs.processes["orders-serve"].cpu_ms > 0
    assert costs.databases["orders"].bytes > 0
    assert costs.messages > 0


def test_costs_that_say_too_little_are_refused() -> None:
    with pytest.raises(KeyError):
        parse({"source": {}})


def test_the_command_answers_people_and_programs() -> None:
    run = CliRunner()
    shown = run.invoke(build("capacity"), ["capacity", "--orders-per-second", "5000"])
    assert shown.exit_code == 0
    assert "orders-serve" in shown.output
    given_json = run.invoke(build("capacity"), ["capacity", "--orders-per-second", "5000", "--json"])
    found = json.loads(given_json.output)
    assert found["orders_per_second"] == 5_000
    assert {each["name"] for each in found["broker"]} >= {"nodes", "published", "delivered"}


def test_the_command_refuses_a_rate_that_is_none() -> None:
    shown = CliRunner().invoke(build("capacity"), ["capacity", "--orders-per-second", "0"])
    assert shown.exit_code == 2
    assert "above zero" in shown.output
