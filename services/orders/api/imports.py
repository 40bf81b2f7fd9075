"""Imports between the wire and the domain. A row that can't even be read is its Fault, and no other row's."""

from __future__ import annotations

from kehu.orders.v1 import imports_pb2 as pb

from kit import names
from kit.errors import Fault, invalid
from kit.rpc import convert
from services.orders.api.wire import optional_id, reason_of
from services.orders.domain.imports import ImportLine, ImportRow, Outcome, RowResult

_OUTCOMES = {
    Outcome.CREATED: pb.ImportResult.STATE_CREATED,
    Outcome.UNCHANGED: pb.ImportResult.STATE_UNCHANGED,
    Outcome.UPDATED: pb.ImportResult.STATE_UPDATED,
    Outcome.REJECTED: pb.ImportResult.STATE_REJECTED,
}


def rows(request: pb.ImportOrdersRequest) -> list[ImportRow | Fault]:
    """Read the rows."""
    return [_row(order) for order in request.orders]


def _row(order: pb.ImportedOrder) -> ImportRow | Fault:
    try:
        if not order.HasField("order_time"):
            raise invalid("order_time", "is required")
        return ImportRow(
            order_id=names.new_id(),
            channel=order.channel,
            external_id=order.external_id,
            member=optional_id("members", order.member, field="member"),
            order_time=convert.instant(order.order_time, field="order_time"),
            lines=tuple(_line(line, f"lines[{index}]") for index, line in enumerate(order.lines)),
            store=order.store,
        )
    except Fault as fault:
        return fault


def _line(line: pb.ImportedLine, path: str) -> ImportLine:
    return ImportLine(
        product=optional_id("products", line.product, field=f"{path}.product"),
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        amount=convert.money(line.amount, field=f"{path}.amount"),
        category=line.category,
    )


def response(results: list[RowResult]) -> pb.ImportOrdersResponse:
    """Write the results."""
    return pb.ImportOrdersResponse(results=[_result(result) for result in results])


def _result(result: RowResult) -> pb.ImportResult:
    if result.fault is None:
        return pb.ImportResult(
            state=_OUTCOMES[result.outcome], order=names.join("orders", result.order) if result.order else ""
        )
    violation = result.fault.violations[0] if result.fault.violations else None
    return pb.ImportResult(
        state=_OUTCOMES[result.outcome],
        reason=reason_of(result.fault),
        field=violation.field if violation else "",
        description=violation.description if violation else result.fault.message,
    )
