"""What orders earn, and trying rules out, between the wire and the use-cases."""

from __future__ import annotations

import re
from uuid import UUID

from kehu.members.v1 import programmes_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.rpc.convert import instant, money, wire_instant, wire_money
from services.members.api.audit import author
from services.members.api.programme import draft, programme_id
from services.members.domain.basket import Basket, Line
from services.members.domain.earning import Earning
from services.members.domain.points import Wallet
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.domain.recalculation import Recalculation
from services.members.usecases.dry_run import DryRun, Outcome
from services.members.usecases.purchase_view import Quote, Quoted, Shown
from services.members.usecases.recalculation import StartRecalculation

_EARNING = re.compile(r"(members/[^/]+/purchases/[^/]+)/earnings/([a-z][a-z0-9-]{0,62})")
_LIMIT = 1_000


def purchase_of(name: str, *, field: str = "name") -> tuple[UUID, UUID]:
    """The member and the order in `members/{member}/purchases/{order}`."""
    ids = names.parse("members/{member}/purchases/{purchase}", name, field=field)
    return ids["member"], ids["purchase"]


def earning_of(name: str) -> tuple[UUID, UUID, str]:
    """The member, the order and the programme in the name of an earning."""
    match = _EARNING.fullmatch(name)
    if match is None:
        raise invalid("name", "must be a name of the form members/{member}/purchases/{purchase}/earnings/{earning}")
    return *purchase_of(match[1]), match[2]


def purchase(shown: Shown) -> pb.Purchase:
    """Show a purchase."""
    found = shown.purchase
    return pb.Purchase(
        name=_name(found),
        order="" if found.receipt else found.source,
        receipt_claim=found.receipt,
        net_total=wire_money(found.net),
        pay_time=wire_instant(found.pay_time),
        complete_time=wire_instant(found.complete_time) if found.complete_time else None,
        earnings=[earning(found, each, programme) for programme, each in sorted(shown.earnings.items())],
    )


def earning(of: Purchase, known: Earning, programme: str = "default") -> pb.Earning:
    """Show what a purchase earned in a programme."""
    return pb.Earning(
        name=f"{_name(of)}/earnings/{programme}",
        programme=names.join("programmes", programme),
        version=known.version,
        points=known.points,
        rules=[
            pb.EarningRule(
                rule=grant.rule,
                verdict=pb.EarningRule.Verdict.Value(f"VERDICT_{grant.verdict}"),
                points=grant.points,
            )
            for grant in known.grants
        ],
    )


def balances(found: list[tuple[Programme, Wallet]], token: str) -> pb.ListProgrammeBalancesResponse:
    """Show a member's points by programme."""
    return pb.ListProgrammeBalancesResponse(
        balances=[
            pb.ProgrammeBalance(
                programme=names.join("programmes", programme.id),
                available=wallet.available,
                held=wallet.held,
                pending=wallet.pending,
                receivable=wallet.receivable,
                value=wire_money(programme.worth(wallet.available)),
            )
            for programme, wallet in found
        ],
        next_page_token=token,
    )


def quote(request: pb.QuoteRedemptionRequest) -> Quote:
    """Read what is to be paid."""
    lines = []
    currency = request.lines[0].amount.currency_code
    for index, wire in enumerate(request.lines):
        amount = money(wire.amount, field=f"lines[{index}].amount")
        if amount.minor < 0 or amount.currency != currency:
            raise invalid(f"lines[{index}].amount", "must not be below nothing, and all of one currency")
        lines.append(Line(wire.product, wire.category, 1, amount.minor, amount.minor))
    freight = money(request.freight, field="freight") if request.HasField("freight") else None
    if freight and (freight.minor < 0 or freight.currency != currency):
        raise invalid("freight", "must not be below nothing, and of the lines' currency")
    delivery = freight.minor if freight else 0
    return Quote(
        names.id_of("members", request.parent, field="parent"),
        programme_id(request.programme or "programmes/default", field="programme"),
        Basket(sum(line.net for line in lines) + delivery, delivery, lines=tuple(lines)),
        currency,
    )


def quoted(found: Quoted) -> pb.QuoteRedemptionResponse:
    """Show how many points could pay."""
    return pb.QuoteRedemptionResponse(
        points=found.usable.points,
        value=wire_money(found.usable.value),
        payable=wire_money(found.usable.payable),
        min_points=found.programme.cash.least,
        max_points=found.most,
    )


def dry_run(request: pb.PreviewProgrammeRequest) -> DryRun:
    """Read which rules are to be tried on what."""
    programme, values = draft(request.programme)
    start = instant(request.start_time, field="start_time") if request.HasField("start_time") else None
    end = instant(request.end_time, field="end_time") if request.HasField("end_time") else None
    if start and end and end <= start:
        raise invalid("end_time", "must be after start_time")
    purchases = [purchase_of(name, field=f"purchases[{at}]") for at, name in enumerate(request.purchases)]
    return DryRun(programme, values, start, end, tuple(dict.fromkeys(purchases)), request.limit or _LIMIT)


def outcome(found: Outcome) -> pb.PreviewProgrammeResponse:
    """Show what purchases would earn."""
    return pb.PreviewProgrammeResponse(
        purchase_count=found.purchases,
        changed_count=found.changed,
        points=found.points,
        points_change=found.change,
        differences=[
            pb.PreviewDifference(
                purchase=_name(each.purchase),
                pay_time=wire_instant(each.purchase.pay_time),
                points=each.points,
                earning=earning(each.purchase, each.earning, found.programme),
            )
            for each in found.differences
        ],
        more=found.more,
    )


def start_recalculation(request: pb.CreateRecalculationRequest) -> StartRecalculation:
    """Read what is to be recalculated; it gets its id here."""
    wire = request.recalculation
    start = instant(wire.start_time, field="recalculation.start_time")
    end = instant(wire.end_time, field="recalculation.end_time")
    if end <= start:
        raise invalid("recalculation.end_time", "must be after start_time")
    programme = programme_id(wire.programme, field="recalculation.programme")
    return StartRecalculation(names.new_id(), programme, start, end, author())


def recalculation(job: Recalculation) -> pb.Recalculation:
    """Show a recalculation."""
    return pb.Recalculation(
        name=names.join("recalculations", job.id),
        programme=names.join("programmes", job.programme),
        version=job.version,
        start_time=wire_instant(job.start),
        end_time=wire_instant(job.end),
        state=_state(job),
        purchase_count=job.purchases,
        changed_count=job.changed,
        points_change=job.points,
        create_time=wire_instant(job.create_time),
        finish_time=wire_instant(job.finish_time) if job.finish_time else None,
    )


def _state(job: Recalculation) -> pb.Recalculation.State.ValueType:
    if job.running:
        return pb.Recalculation.STATE_RUNNING
    return pb.Recalculation.STATE_FAILED if job.failed else pb.Recalculation.STATE_DONE


def _name(of: Purchase) -> str:
    return names.join("members", of.member, "purchases", of.order)
