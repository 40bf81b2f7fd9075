"""All faults, cheapest first."""

from __future__ import annotations

from faults.catalogue import (
    broker,
    clock,
    database,
    disk,
    messages,
    network,
    payments,
    processes,
    rolling,
    soak,
    storm,
    versions,
)
from faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *processes.FAULTS,
    *messages.FAULTS,
    *payments.FAULTS,
    *database.FAULTS,
    *broker.FAULTS,
    *rolling.FAULTS,
    *network.FAULTS,
    *clock.FAULTS,
    *versions.FAULTS,
    *storm.FAULTS,
    *disk.FAULTS,
    *soak.FAULTS,
)
