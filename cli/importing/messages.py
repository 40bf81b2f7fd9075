"""Between the rows of the scratch database and the messages of the batch calls."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import errors_pb2, imports_pb2

from cli.importing.gateway import EnrollAnswer, OrderAnswer, Refusal
from cli.importing.report import Remark
from cli.importing.scratch import Customer, Line, Order
from kit.money import Money

_MICROS = 1_000_000
_LINE_FIELD = re.compile(r"lines\[\d+\]\.")


@dataclass(frozen=True, slots=True)
class Why:
    """Why a service refused a row: the field to be mended, a reason for programs and a sentence for people."""

    column: str
    reason: str
    explanation: str

    def remark(self, line: Line) -> Remark:
        """The same, said of a line of the file."""
        return Remark(line.line, self.column, self.reason, self.explanation, line.text)


def why_refused(answer: EnrollAnswer | OrderAnswer) -> Why | None:
    """Why a row is not in; None when it is."""
    if isinstance(answer, Refusal):
        return Why("", f"SERVICE_{answer.code}", answer.details)
    if isinstance(answer, members_pb2.EnrollResult):
        refused = answer.state == members_pb2.EnrollResult.STATE_REJECTED
        return Why("customer", answer.reason, answer.message) if refused else None
    if answer.state != imports_pb2.ImportResult.STATE_REJECTED:
        return None
    reason = errors_pb2.ErrorReason.Name(answer.reason).removeprefix("ERROR_REASON_")
    return Why(_LINE_FIELD.sub("", answer.field), reason, answer.description)


def outcome(answer: EnrollAnswer | OrderAnswer) -> str:
    """CREATED, UPDATED, UNCHANGED or REJECTED."""
    if isinstance(answer, Refusal):
        return "REJECTED"
    if isinstance(answer, members_pb2.EnrollResult):
        return members_pb2.EnrollResult.State.Name(answer.state).removeprefix("STATE_")
    return imports_pb2.ImportResult.State.Name(answer.state).removeprefix("STATE_")


def member_of(answer: EnrollAnswer) -> str:
    """The member's name; empty when the row was refused."""
    return "" if isinstance(answer, Refusal) else answer.member


def enroll_row(channel: str, customer: Customer, *, bare: bool = False) -> members_pb2.EnrollRow:
    """A customer who joined with the first purchase; `bare` leaves out all but who it is."""
    name, phone, email, card, store = ("",) * 5 if bare else customer.contact
    return members_pb2.EnrollRow(
        channel=channel,
        external_id=customer.external,
        display_name=name,
        phone=phone,
        email=email,
        card_number=card,
        home_store=store,
        enroll_time=_timestamp(customer.first_time),
    )


def imported_order(channel: str, order: Order, member: str) -> imports_pb2.ImportedOrder:
    """A paid order; an empty `member` means a guest."""
    return imports_pb2.ImportedOrder(
        channel=channel,
        external_id=order.external,
        member=member,
        order_time=_timestamp(order.time),
        lines=[
            imports_pb2.ImportedLine(
                sku=line.sku, title=line.title, quantity=line.quantity, amount=_money(line.amount, order.currency)
            )
            for line in order.lines
        ],
    )


def _timestamp(micros: int) -> Timestamp:
    seconds, rest = divmod(micros, _MICROS)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def _money(minor: int, currency: str) -> WireMoney:
    units, nanos = Money(minor, currency).to_wire()
    return WireMoney(currency_code=currency, units=units, nanos=nanos)
