"""`LedgerService`: statements and corrections of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext
from kehu.members.v1 import ledger_pb2 as pb
from kehu.members.v1 import ledger_pb2_grpc

from kit import names
from kit.errors import Fault
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import instant, next_token, page_of, wire_instant
from services.members.api.audit import author
from services.members.domain.adjustment import Adjustment
from services.members.domain.points import UNIT
from services.members.domain.statement import Line, Period
from services.members.usecases import adjustment, statement
from services.members.usecases.adjustment import AdjustedRow, AdjustPoints
from services.members.usecases.statement import ReadStatement


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Serves the ledger."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def BatchAdjustPoints(
        self, request: pb.BatchAdjustPointsRequest, context: ServicerContext
    ) -> pb.BatchAdjustPointsResponse:
        """Give or take points by hand."""
        command = AdjustPoints(author(), [_row(index, row) for index, row in enumerate(request.rows)])
        return await self._edge.write(request, adjustment.adjust, command, render=_results)

    async def GetStatement(self, request: pb.GetStatementRequest, context: ServicerContext) -> pb.Statement:
        """A page of a statement."""
        page = page_of(request, self._tokens)
        period, lines = await self._edge.read(statement.read, _query(request), page)
        token = next_token(request, self._tokens, page, rows=lines, position=lambda line: (str(line.id),))
        return _statement(period, lines[: page.size], token)


def _row(index: int, row: pb.AdjustRow) -> Adjustment | Fault:
    try:
        member = names.id_of("members", row.member, field=f"rows[{index}].member")
    except Fault as fault:
        return fault
    return Adjustment(row.row_id, member, row.points, row.reason)


def _results(outcomes: list[AdjustedRow | Fault]) -> pb.BatchAdjustPointsResponse:
    return pb.BatchAdjustPointsResponse(results=[_result(outcome) for outcome in outcomes])


def _result(outcome: AdjustedRow | Fault) -> pb.AdjustResult:
    if isinstance(outcome, Fault):
        return pb.AdjustResult(state=pb.AdjustResult.STATE_REJECTED, reason=outcome.reason, message=outcome.message)
    return pb.AdjustResult(
        state=pb.AdjustResult.State.Value(f"STATE_{outcome.state}"),
        available=outcome.wallet.available if outcome.wallet else None,
    )


def _query(request: pb.GetStatementRequest) -> ReadStatement:
    return ReadStatement(
        member=names.parse("members/{member}/statement", request.name)["member"],
        unit=request.unit or UNIT,
        start=instant(request.start_time, field="start_time") if request.HasField("start_time") else None,
        end=instant(request.end_time, field="end_time") if request.HasField("end_time") else None,
    )


def _statement(period: Period, lines: list[Line], token: str) -> pb.Statement:
    return pb.Statement(
        name=names.join("members", period.member, "statement"),
        unit=period.unit,
        start_time=wire_instant(period.start) if period.start else Timestamp(),
        end_time=wire_instant(period.end),
        opening_balances=_balances(period.opening),
        entries=[_line(period, line) for line in lines],
        closing_balances=_balances(period.closing),
        next_page_token=token,
    )


def _balances(balances: Mapping[str, int]) -> list[pb.AccountBalance]:
    return [pb.AccountBalance(account=kind, amount=amount) for kind, amount in sorted(balances.items())]


def _line(period: Period, line: Line) -> pb.StatementEntry:
    return pb.StatementEntry(
        entry=names.join("members", period.member, "entries", str(line.id)),
        kind=line.kind,
        debit_account=line.debit,
        credit_account=line.credit,
        amount=line.amount,
        lot=str(line.lot or ""),
        source=line.source,
        effective_time=wire_instant(line.effective_time),
        create_time=wire_instant(line.create_time),
    )
