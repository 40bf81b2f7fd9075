"""What a profile says about lines."""

from __future__ import annotations

import pytest

from bench.profiling import dearest, portable
from bench.runner import ROOT


def test_a_sample_belongs_to_the_last_line_of_the_house_on_its_stack() -> None:
    stacks = [
        "run (asyncio/runners.py:1);serve (kit/rpc/server.py:10);dumps (json/__init__.py:231) 6",
        "run (asyncio/runners.py:1);serve (kit/rpc/server.py:10);place (services/orders/usecases/order.py:20) 3",
        "run (asyncio/runners.py:1);loads (json/__init__.py:346) 1",
    ]
    lines = dearest(stacks)
    assert [(line.place, line.function) for line in lines] == [
        ("kit/rpc/server.py:10", "serve"),
        ("services/orders/usecases/order.py:20", "place"),
        ("json/__init__.py:346", "loads"),
    ]
    assert [line.share for line in lines] == pytest.approx([0.6, 0.3, 0.1])


def test_waiting_costs_nothing() -> None:
    stacks = [
        "run (kit/a.py:1);select (selectors.py:468) 99",
        "run (kit/a.py:1);_PollLikeSelector.select (selectors.py:415) 99",
        "run (kit/a.py:1);Hub.do_poll (eventlet/hubs/epolls.py:31) 99",
        " 99",
        "run (kit/a.py:2) 1",
        "half a line",
    ]
    assert [line.place for line in dearest(stacks)] == ["kit/a.py:2"]


def test_without_samples_nothing_is_dear() -> None:
    assert dearest([]) == []


def test_a_picture_tells_nothing_of_the_machine() -> None:
    assert (
        portable(f"<title>run ({ROOT}/kit/rpc/server.py:159)</title>") == "<title>run (kit/rpc/server.py:159)</title>"
    )
