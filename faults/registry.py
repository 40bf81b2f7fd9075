"""All faults, cheapest first."""

from __future__ import annotations

from faults.catalogue import processes
from faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*processes.FAULTS,)
