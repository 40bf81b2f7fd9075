"""A process of a service is killed, frozen, or asked to go, while it works."""

from __future__ import annotations

import time
from functools import partial

from faults.arena import Arena
from faults.fault import Fault, Finding, found

_RPC = "life-of-an-rpc.md#what-can-go-wrong-and-what-the-client-sees"


def _killed(name: str, arena: Arena, seconds: float) -> list[Finding]:
    kills = arena.kill_again_and_again(name, seconds)
    return [found(f"{name} was killed under load", kills > 0, f"{kills} times")]


def _frozen(name: str, arena: Arena, seconds: float) -> list[Finding]:
    with arena.frozen(name):
        time.sleep(seconds)
    return []


FAULTS = (
    Fault(
        "serve-killed",
        "kill -9 of orders' `serve`, again whenever it is back",
        "clients see UNAVAILABLE and repeat with their request id; nothing acknowledged is missing",
        partial(_killed, "orders-serve"),
        runbook=_RPC,
        quick=True,
        chaos=True,
    ),
    Fault(
        "members-serve-killed",
        "kill -9 of members' `serve`: orders with points are in the middle of their checkout",
        "checkouts give back or go on; points are held and earned once",
        partial(_killed, "members-serve"),
        runbook="checkout.md#where-it-may-break",
        chaos=True,
    ),
    Fault(
        "relay-killed",
        "kill -9 of orders' `relay`, again whenever it is back",
        "rows stay in the outbox, some events are sent twice, none has two effects",
        partial(_killed, "orders-relay"),
        quick=True,
        chaos=True,
    ),
    Fault(
        "consumer-killed",
        "kill -9 of members' `consume` in the middle of its batches",
        "unacknowledged events come again; one effect each",
        partial(_killed, "members-consume"),
        quick=True,
        chaos=True,
    ),
    Fault(
        "serve-frozen",
        "orders' `serve` stops to work without dying (SIGSTOP)",
        "calls end by their deadline; repeated, they get one answer",
        partial(_frozen, "orders-serve"),
        runbook=_RPC,
        chaos=True,
    ),
    Fault(
        "gateway-killed",
        "kill -9 of Envoy, again whenever it is back",
        "clients connect again and repeat",
        partial(_killed, "gateway"),
        runbook=_RPC,
        chaos=True,
    ),
)
