"""Handle events: plain functions over a unit of work, hosted by nameko on eventlet. See docs/life-of-an-event.md.

    subscriptions = Subscriptions("members")

    @subscriptions.on("orders", OrderPaid, OrderRefunded, queue="members.settlement")
    def settle(unit: MembersUnit, events: Sequence[Received]) -> None: ...

    @subscriptions.every(seconds=5)
    def expire_holds(unit: MembersUnit) -> None: ...

The names are looked up when they are first used, for the role `consume` imports `kit.worker.green` before anything else
and has eventlet replace the standard library's blocking parts before any other module has taken hold of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.worker.events import Received
    from kit.worker.host import run
    from kit.worker.subscriptions import Subscriptions

__all__ = ["Received", "Subscriptions", "run"]

_PLACES = {"Received": "events", "Subscriptions": "subscriptions", "run": "host"}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
