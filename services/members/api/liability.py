"""The liability report on the wire."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kehu.members.v1 import ledger_pb2 as pb

from kit import names
from kit.money import Money
from kit.rpc.convert import wire_instant, wire_money
from services.members.domain.liability import Liability, Slice, UnitTotal
from services.members.domain.programme import programme_of


def liability(found: Liability, groups: Collection[int]) -> pb.LiabilityReport:
    """Show the report, divided as asked."""
    rows = found.rows(
        by_month=pb.LIABILITY_GROUPING_EXPIRY_MONTH in groups, by_store=pb.LIABILITY_GROUPING_HOME_STORE in groups
    )
    return pb.LiabilityReport(
        as_of_time=wire_instant(found.time),
        rows=[_row(row, value) for row, value in rows],
        totals=[_total(total) for total in found.totals()],
    )


def balances(amounts: Mapping[str, int]) -> list[pb.AccountBalance]:
    """Show what is in accounts."""
    return [pb.AccountBalance(account_kind=account, amount=amount) for account, amount in sorted(amounts.items())]


def _row(row: Slice, value: Money) -> pb.LiabilityRow:
    return pb.LiabilityRow(
        programme=names.join("programmes", programme_of(row.unit)),
        expiry_month=row.month,
        home_store=row.store,
        pending=row.pending,
        available=row.available,
        held=row.held,
        value=wire_money(value),
    )


def _total(total: UnitTotal) -> pb.LiabilityTotal:
    return pb.LiabilityTotal(
        unit=total.unit,
        members=balances(total.members),
        house=balances(total.house),
        outstanding=total.outstanding,
        value=wire_money(total.value) if total.value else None,
        balanced=total.balanced,
    )
