"""The orders of presales: which part of them is paid, and when their members are reminded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import internal
from kit.money import Money
from services.orders.domain.order import Order
from services.orders.domain.presale import COLLECTION, Presale


class PresaleOrderState(StrEnum):
    """Which part of an order of a presale is paid, and what became of its deposit."""

    RESERVED = "RESERVED"
    DEPOSITED = "DEPOSITED"
    PAID = "PAID"
    RELEASED = "RELEASED"
    FORFEITED = "FORFEITED"
    RETURNED = "RETURNED"


class PresaleStep(StrEnum):
    """What can happen to it."""

    DEPOSIT = "DEPOSIT"
    PAY = "PAY"
    REMIND = "REMIND"
    RELEASE = "RELEASE"
    FORFEIT = "FORFEIT"
    RETURN = "RETURN"


TRANSITIONS: Mapping[tuple[PresaleOrderState, PresaleStep], PresaleOrderState] = {
    (PresaleOrderState.RESERVED, PresaleStep.DEPOSIT): PresaleOrderState.DEPOSITED,
    (PresaleOrderState.RESERVED, PresaleStep.RELEASE): PresaleOrderState.RELEASED,
    (PresaleOrderState.DEPOSITED, PresaleStep.REMIND): PresaleOrderState.DEPOSITED,
    (PresaleOrderState.DEPOSITED, PresaleStep.PAY): PresaleOrderState.PAID,
    (PresaleOrderState.DEPOSITED, PresaleStep.FORFEIT): PresaleOrderState.FORFEITED,
    (PresaleOrderState.DEPOSITED, PresaleStep.RETURN): PresaleOrderState.RETURNED,
}
"""The state machine: which steps each state allows, and where they lead. Nothing else happens to such an order."""


@dataclass(frozen=True, slots=True)
class PresaleOrder:
    """An order of a presale. Of its amounts the `deposit` is paid first and the `balance` in [balance_start,
    balance_end); its member is reminded at `next_reminder`, if at all: when that window opens and at `remind_time`.
    `version` counts its changes."""

    order: UUID
    presale: UUID
    member: UUID
    quantity: int
    state: PresaleOrderState
    deposit: Money
    balance: int
    balance_start: datetime
    balance_end: datetime
    remind_time: datetime | None
    next_reminder: datetime | None
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def reserve(cls, order: Order, of: Presale, member: UUID, now: datetime) -> PresaleOrder:
        """That of a new order of one line. Its freight, and tax on top of its price, are part of the balance."""
        (line,), terms = order.lines, of.terms
        deposit = terms.deposit * line.quantity
        return cls(
            order=order.id,
            presale=of.id,
            member=member,
            quantity=line.quantity,
            state=PresaleOrderState.RESERVED,
            deposit=order.money(deposit),
            balance=order.due - deposit,
            balance_start=terms.balances.start,
            balance_end=terms.balances.end,
            remind_time=terms.remind_time,
            next_reminder=None,
            version=1,
            create_time=now,
            update_time=now,
        )

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join(COLLECTION, self.presale, "orders", self.order)

    def receive_deposit(self, now: datetime) -> PresaleOrder:
        """Its deposit has come in."""
        return replace(self._stepped(PresaleStep.DEPOSIT, now), next_reminder=self.balance_start)

    def pay(self, now: datetime) -> PresaleOrder:
        """It is paid in full."""
        return replace(self._stepped(PresaleStep.PAY, now), next_reminder=None)

    def cancel(self, order: Order, now: datetime) -> PresaleOrder:
        """Its order was given up, which has decided what becomes of the deposit."""
        if self.state is PresaleOrderState.RESERVED:
            step = PresaleStep.RELEASE
        else:
            step = PresaleStep.FORFEIT if order.forfeited else PresaleStep.RETURN
        return replace(self._stepped(step, now), next_reminder=None)

    def remind(self, now: datetime) -> tuple[PresaleOrder, bool]:
        """Its member is told that the balance can be paid, or (answered as True) soon can no more."""
        closing = self.remind_time is not None and now >= self.remind_time
        return replace(
            self._stepped(PresaleStep.REMIND, now), next_reminder=None if closing else self.remind_time
        ), closing

    def _stepped(self, step: PresaleStep, now: datetime) -> PresaleOrder:
        state = TRANSITIONS.get((self.state, step))
        if state is None:  # its order decides every step, under its lock
            raise internal()
        return replace(self, state=state, version=self.version + 1, update_time=now)
