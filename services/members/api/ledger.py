"""`LedgerService`: statements, corrections and proof of the ledger."""

from __future__ import annotations

import json
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
from kit.signing import Signer
from services.members.api.audit import author
from services.members.api.liability import balances, liability
from services.members.api.programme import programme_asked
from services.members.api.verification import verification as rendered
from services.members.domain.adjustment import Adjustment
from services.members.domain.points import UNIT
from services.members.domain.statement import Line, Period
from services.members.usecases import adjustment, statement, verification
from services.members.usecases import liability as liabilities
from services.members.usecases.adjustment import AdjustedRow, AdjustPoints
from services.members.usecases.statement import ReadStatement
from services.members.usecases.verification import VerifyMember


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Serves the ledger. `signer` signs what verifications find."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, signer: Signer) -> None:
        self._edge = edge
        self._tokens = tokens
        self._signer = signer

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

    async def VerifyMember(self, request: pb.VerifyMemberRequest, context: ServicerContext) -> pb.Verification:
        """Verify one member."""
        member = names.id_of("members", request.name)
        command = VerifyMember(member, self._signer.sign, self._signer.public_jwk)
        return await self._edge.write(request, verification.verify_member, command, render=rendered)

    async def ListVerifications(
        self, request: pb.ListVerificationsRequest, context: ServicerContext
    ) -> pb.ListVerificationsResponse:
        """A page of a member's verifications."""
        page = page_of(request, self._tokens)
        member = names.id_of("members", request.parent, field="parent")
        rows = await self._edge.read(verification.statements, member, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda signed: (str(signed.sequence),))
        return pb.ListVerificationsResponse(
            verifications=[rendered(signed) for signed in rows[: page.size]], next_page_token=token
        )

    async def GetVerificationKeySet(
        self, request: pb.GetVerificationKeySetRequest, context: ServicerContext
    ) -> pb.VerificationKeySet:
        """The public keys of the signatures, those that were replaced included."""
        keys = await self._edge.read(verification.keys, self._signer.public_jwk)
        return pb.VerificationKeySet(jwks=json.dumps({"keys": keys}))

    async def GetLiabilityReport(
        self, request: pb.GetLiabilityReportRequest, context: ServicerContext
    ) -> pb.LiabilityReport:
        """What members could claim."""
        time = instant(request.as_of_time, field="as_of_time") if request.HasField("as_of_time") else None
        groups = request.group_by
        # In a transaction, for only there a statement may have more time than others.
        return await self._edge.write(request, liabilities.report, time, render=lambda found: liability(found, groups))


def _row(index: int, row: pb.AdjustRow) -> Adjustment | Fault:
    try:
        member = names.id_of("members", row.member, field=f"rows[{index}].member")
        programme = programme_asked(row.programme, field=f"rows[{index}].programme")
    except Fault as fault:
        return fault
    return Adjustment(row.row_id, member, row.points, row.reason, programme)


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
        opening_balances=balances(period.opening),
        entries=[_line(period, line) for line in lines],
        closing_balances=balances(period.closing),
        next_page_token=token,
    )


def _line(period: Period, line: Line) -> pb.StatementEntry:
    return pb.StatementEntry(
        entry=names.join("members", period.member, "entries", str(line.id)),
        kind=line.kind,
        debit_account=line.debit,
        credit_account=line.credit,
        amount=line.amount,
        lot=names.join("members", period.member, "lots", line.lot) if line.lot else "",
        source=line.source,
        effective_time=wire_instant(line.effective_time),
        create_time=wire_instant(line.create_time),
    )
