"""Profiles and RFM tables, on the wire and inside."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from kehu.campaigns.v1 import profiles_pb2 as pb

from kit import names
from kit.money import Money
from kit.rpc.convert import instant, wire_instant, wire_money
from services.campaigns.domain.profile import Spending
from services.campaigns.domain.rfm import Score, Table
from services.campaigns.usecases.profile import View


def as_of(request: pb.GetProfileRequest | pb.GetRfmTableRequest) -> datetime | None:
    """Read up to when purchases count."""
    return instant(request.as_of, field="as_of") if request.HasField("as_of") else None


def render(view: View) -> pb.Profile:
    """Write a profile."""
    profile = view.profile
    return pb.Profile(
        name=names.join("profiles", profile.member),
        member=names.join("members", profile.member),
        spendings=[_spending(spending, score) for spending, score in view.spendings],
        segments=sorted(names.join("segments", segment) for segment in view.segments),
        update_time=_optional(profile.update_time),
    )


def render_table(table: Table) -> pb.RfmTable:
    """Write an RFM table."""
    return pb.RfmTable(
        name=f"rfmTables/{table.currency}",
        as_of=wire_instant(table.as_of),
        profile_count=table.members,
        cells=[
            pb.RfmCell(
                score=_score(cell.score),
                profile_count=cell.members,
                order_count=cell.orders,
                total_spent=wire_money(Money(cell.total, table.currency)),
            )
            for cell in table.cells
        ],
    )


def _spending(spending: Spending, score: Score | None) -> pb.Spending:
    first, last = spending.bounds or (None, None)
    return pb.Spending(
        currency_code=spending.currency,
        order_count=spending.order_count,
        total_spent=wire_money(Money(spending.total, spending.currency)),
        first_purchase_time=_optional(first),
        last_purchase_time=_optional(last),
        score=None if score is None else _score(score),
    )


def _score(score: Score) -> pb.RfmScore:
    return pb.RfmScore(recency=score.recency, frequency=score.frequency, monetary=score.monetary)


def _optional(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else wire_instant(moment)
