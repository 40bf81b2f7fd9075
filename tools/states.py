"""`docs/states.md`: the state machines, drawn from the tables in the code that alone decide which step may happen.

`python -m tools.states` writes; `--check` fails when the page is not what it would write. To draw another, name its
table in `MACHINES`: `(state, step) -> state` or `-> states it may lead to`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.campaigns.domain import coupon
from services.orders.domain import (
    bargain,
    checkout,
    group,
    invoice,
    order_state,
    payment_intent,
    presale_order,
    provider_refund,
    refund,
    reservation,
    shipment,
)
from tools.generate import ROOT

PAGE = ROOT / "docs" / "states.md"

Table = Mapping[Any, StrEnum] | Mapping[Any, frozenset[Any]]
"""By (state, step)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine: where its table stands in the code, and the states that a thing may begin in."""

    title: str
    source: str
    table: Table
    begins: tuple[StrEnum, ...]


MACHINES = (
    Machine(
        "Order",
        "services/orders/domain/order_state.py",
        order_state.TRANSITIONS,
        (order_state.OrderState.PENDING_PAYMENT, order_state.OrderState.PAID),
    ),
    Machine(
        "Payment through a provider",
        "services/orders/domain/payment_intent.py",
        payment_intent.TRANSITIONS,
        (payment_intent.IntentState.PENDING,),
    ),
    Machine(
        "Refund",
        "services/orders/domain/refund.py",
        refund.TRANSITIONS,
        tuple(state for state in refund.RefundState if state is not refund.RefundState.REJECTED),
    ),
    Machine(
        "Money of a refund, on its way back to one payment",
        "services/orders/domain/refund.py",
        refund.PAYOUT_TRANSITIONS,
        (refund.PayoutState.PENDING, refund.PayoutState.SUCCEEDED),
    ),
    Machine(
        "The same, as its provider is asked for it",
        "services/orders/domain/provider_refund.py",
        provider_refund.TRANSITIONS,
        (provider_refund.ProviderRefundState.PENDING,),
    ),
    Machine(
        "Shipment",
        "services/orders/domain/shipment.py",
        shipment.TRANSITIONS,
        (shipment.ShipmentState.CREATED,),
    ),
    Machine(
        "Invoice",
        "services/orders/domain/invoice.py",
        invoice.TRANSITIONS,
        (invoice.InvoiceState.REQUESTED,),
    ),
    Machine(
        "Reservation",
        "services/orders/domain/reservation.py",
        reservation.TRANSITIONS,
        (reservation.ReservationState.HELD,),
    ),
    Machine(
        "Group of a group buy",
        "services/orders/domain/group.py",
        group.TRANSITIONS,
        (group.GroupState.OPENING,),
    ),
    Machine(
        "Haggle of a bargain",
        "services/orders/domain/bargain.py",
        bargain.TRANSITIONS,
        (bargain.HaggleState.CUTTING,),
    ),
    Machine(
        "Order of a presale",
        "services/orders/domain/presale_order.py",
        presale_order.TRANSITIONS,
        (presale_order.PresaleOrderState.RESERVED,),
    ),
    Machine(
        "Step of a checkout",
        "services/orders/domain/checkout.py",
        checkout.TRANSITIONS,
        (checkout.StepState.PLANNED,),
    ),
    Machine(
        "Coupon",
        "services/campaigns/domain/coupon.py",
        coupon.TRANSITIONS,
        (coupon.State.ISSUED,),
    ),
)

_HEAD = """# States

Drawn by `make gen` from the tables in the code. These tables alone decide: whatever they do not name cannot happen, and
tests try every step in every state. A step that may lead to several states is drawn once for each.
"""


def page(machines: tuple[Machine, ...] = MACHINES) -> str:
    """The page."""
    return "\n".join([_HEAD, *(line for machine in machines for line in _section(machine))]).rstrip() + "\n"


def _section(machine: Machine) -> Iterator[str]:
    states = type(machine.begins[0])
    yield f"## {machine.title}\n"
    yield f"{(states.__doc__ or '').strip()} Table: `{machine.source}`.\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in machine.begins:
        yield f"    [*] --> {state}"
    ordered = {state: index for index, state in enumerate(states)}
    for state, step, to in sorted(_arrows(machine.table), key=lambda arrow: (ordered[arrow[0]], ordered[arrow[2]])):
        yield f"    {state} --> {to}: {step.lower().replace('_', ' ')}"
    leaving = {state for state, _ in machine.table}
    for state in states:
        if state not in leaving:
            yield f"    {state} --> [*]"
    yield "```\n"


def _arrows(table: Table) -> Iterator[tuple[StrEnum, StrEnum, StrEnum]]:
    for (state, step), led in table.items():
        for to in [led] if isinstance(led, StrEnum) else sorted(led):
            yield state, step, to


def main() -> None:
    """Entry point."""
    wanted = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted)
    elif not PAGE.is_file() or PAGE.read_text() != wanted:
        raise SystemExit("docs/states.md is stale, run `make gen`")


if __name__ == "__main__":
    main()
