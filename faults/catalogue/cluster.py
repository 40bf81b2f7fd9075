"""A cluster of three RabbitMQ nodes, one of which is cut off."""

from __future__ import annotations

import time

from faults.arena import Arena
from faults.fault import Fault, Finding, Skipped, found

_CUT_OFF = 3


def _cut_off(arena: Arena, seconds: float) -> list[Finding]:
    if arena.cluster is None:
        raise Skipped("needs root, and Debian's iproute2")
    with arena.cluster.cut_off(_CUT_OFF):
        begin = time.monotonic()
        time.sleep(seconds)
        during = [each for each in arena.record.attempts if each.begin >= begin]
        failed = sum(each.code != "OK" for each in during)
    return [found("orders are taken meanwhile", failed == 0, f"{failed} of {len(during)} failed")]


FAULTS = (
    Fault(
        "cluster-node-cut-off",
        "one of three RabbitMQ nodes is cut off from all others",
        "two are a majority and go on; whoever was connected to the third connects anew; nothing confirmed is lost",
        _cut_off,
        cluster=True,
    ),
)
