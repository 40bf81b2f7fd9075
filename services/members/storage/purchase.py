"""Purchases and what they earned by rules as rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.money import Money
from services.members.domain.basket import Basket, Left, Line
from services.members.domain.condition import Person
from services.members.domain.earning import Earning, Grant, Room
from services.members.domain.history import Claimed, Kept
from services.members.domain.purchase import Purchase
from services.members.domain.rule import Verdict

# `offset 0` keeps the planner from scanning the table: during an import its statistics lag behind, and it would
# believe that every member has thousands of purchases.
_OF = text("""
    select p.* from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (
        select "order", member, net, currency, pay_time, version, rules, earned, returned, complete_time, receipt, most
        from purchases where purchases.member = m.member offset 0
    ) p
""")

_FIND = text("""
    select p."order", p.member, p.net, p.currency, p.pay_time, p.version, p.rules, p.earned, p.returned,
           p.complete_time, p.receipt, p.most
    from unnest(cast(:members as uuid[]), cast(:orders as uuid[])) as k (member, "order")
    join purchases p on p.member = k.member and p."order" = k."order"
""")

_SPENT = text("""
    select p.member, p.pay_time, p.net from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (
        select member, pay_time, net, currency from purchases where purchases.member = m.member offset 0
    ) p
    where p.currency = :currency
""")
_POINTS = text("""
    select p.member, p.pay_time, p.earned from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (select member, pay_time, earned from purchases where purchases.member = m.member offset 0) p
""")

# What was bought is told once, and stays until it is told anew.
_SAVE = text("""
    insert into purchases ("order", member, net, currency, pay_time, version, rules, earned, returned, complete_time,
                           paid, freight, channel, store, lines, lines_left, freight_left, receipt, most, org)
    select o, m, n, c, t, v, r, e, b, f, p, d, h, s, cast(l as jsonb), cast(a as jsonb), x, i, y, g from unnest(
        cast(:orders as uuid[]), cast(:members as uuid[]), cast(:nets as bigint[]), cast(:currencies as text[]),
        cast(:pay_times as timestamptz[]), cast(:versions as bigint[]), cast(:rules as integer[]),
        cast(:earned as bigint[]), cast(:returned as bigint[]), cast(:complete_times as timestamptz[]),
        cast(:paid as bigint[]), cast(:freights as bigint[]), cast(:channels as text[]), cast(:stores as text[]),
        cast(:lines as text[]), cast(:lines_left as text[]), cast(:freights_left as bigint[]),
        cast(:receipts as text[]), cast(:mosts as bigint[]), cast(:orgs as text[])
    ) as u (o, m, n, c, t, v, r, e, b, f, p, d, h, s, l, a, x, i, y, g)
    on conflict (member, "order") do update
    set net = excluded.net, pay_time = excluded.pay_time, version = excluded.version, rules = excluded.rules,
        earned = excluded.earned, returned = excluded.returned, complete_time = excluded.complete_time,
        lines_left = case when excluded.lines_left is null and excluded.net = purchases.net then purchases.lines_left
                          else excluded.lines_left end,
        freight_left = case when excluded.freight_left is null and excluded.net = purchases.net
                            then purchases.freight_left else excluded.freight_left end,
        paid = coalesce(excluded.paid, purchases.paid),
        freight = case when excluded.paid is null then purchases.freight else excluded.freight end,
        channel = case when excluded.paid is null then purchases.channel else excluded.channel end,
        store = case when excluded.paid is null then purchases.store else excluded.store end,
        org = case when excluded.paid is null then purchases.org else excluded.org end,
        lines = case when excluded.paid is null then purchases.lines else excluded.lines end
""")

_BETWEEN = text("""
    select "order", member, net, currency, pay_time, version, rules, earned, returned, complete_time, receipt, most
    from purchases
    where pay_time >= coalesce(cast(:start as timestamptz), '-infinity')
      and pay_time < coalesce(cast(:end as timestamptz), 'infinity') and currency = :currency
    order by pay_time, member, "order" limit :limit
""")

_KEPT = text("""
    select p.member, p."order", p.net, p.paid, p.freight, p.channel, p.store, p.org, cast(p.lines as text),
           cast(p.lines_left as text), p.freight_left, cast(p.person as text),
           (select cast(json_agg(json_build_array(e.programme, e.version, e.points, e.grants)) as text)
            from earnings e where e."order" = p."order")
    from unnest(cast(:members as uuid[]), cast(:orders as uuid[])) as k (member, "order")
    join purchases p on p.member = k.member and p."order" = k."order"
""")

_CLAIMED = text("""
    select p.member, p."order", e.programme, p.pay_time, e.points, cast(e.grants as text)
    from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (select * from purchases where purchases.member = m.member offset 0) p
    join earnings e on e."order" = p."order"
""")

_EARNED = text("""
    with person as (
        update purchases p set person = cast(u.person as jsonb)
        from unnest(cast(:person_members as uuid[]), cast(:person_orders as uuid[]), cast(:persons as text[]))
            as u (member, "order", person)
        where p.member = u.member and p."order" = u."order"
    )
    insert into earnings ("order", programme, version, points, grants)
    select u."order", u.programme, u.version, u.points, cast(u.grants as jsonb)
    from unnest(cast(:orders as uuid[]), cast(:programmes as text[]), cast(:versions as integer[]),
                cast(:points as bigint[]), cast(:grants as text[])) as u ("order", programme, version, points, grants)
    on conflict ("order", programme) do update
    set version = excluded.version, points = excluded.points, grants = excluded.grants
""")


_FORGET = text("""
    update purchases set person = jsonb_build_array(person -> 0, cast('[]' as jsonb), person -> 2, 0)
    where member = any(cast(:members as uuid[])) and person is not null
""")


class PurchaseStore:
    """Keeps what earns. Whoever changes a purchase has locked its member's wallet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, members: Collection[UUID]) -> list[Purchase]:
        """All purchases of the members, without what was bought."""
        rows = self._connection.execute(_OF, {"members": list(members)}).all()
        return [_purchase(*row) for row in rows]

    def find(self, orders: Collection[tuple[UUID, UUID]]) -> list[Purchase]:
        """Those of the purchases that are known, each given as its member and order, without what was bought."""
        keys = {"members": [member for member, _ in orders], "orders": [order for _, order in orders]}
        return [_purchase(*row) for row in self._connection.execute(_FIND, keys).all()]

    def spent(self, members: Collection[UUID], currency: str) -> list[tuple[UUID, datetime, int]]:
        """What is left of each purchase of the members in a currency, in its smallest unit, and when it was paid."""
        rows = self._connection.execute(_SPENT, {"members": list(members), "currency": currency})
        return [(member, time, amount) for member, time, amount in rows.all()]

    def earned(self, members: Collection[UUID]) -> list[tuple[UUID, datetime, int]]:
        """The points that each purchase of the members has earned by the default programme, and when it was paid."""
        rows = self._connection.execute(_POINTS, {"members": list(members)})
        return [(member, time, amount) for member, time, amount in rows.all()]

    def between(self, start: datetime | None, end: datetime | None, currency: str, limit: int) -> list[Purchase]:
        """Purchases of a currency paid in [start, end), the earliest first, without what was bought."""
        query = {"start": start, "end": end, "currency": currency, "limit": limit}
        rows = self._connection.execute(_BETWEEN, query).all()
        return [_purchase(*row) for row in rows]

    def save(self, purchases: Sequence[Purchase]) -> None:
        """Keep new and changed purchases."""
        if not purchases:
            return
        baskets = [purchase.basket or Basket(0) for purchase in purchases]
        lefts = [purchase.left for purchase in purchases]
        self._connection.execute(
            _SAVE,
            {
                "orders": [purchase.order for purchase in purchases],
                "members": [purchase.member for purchase in purchases],
                "nets": [purchase.net.minor for purchase in purchases],
                "currencies": [purchase.net.currency for purchase in purchases],
                "pay_times": [purchase.pay_time for purchase in purchases],
                "versions": [purchase.version for purchase in purchases],
                "rules": [purchase.rules for purchase in purchases],
                "earned": [purchase.earned for purchase in purchases],
                "returned": [purchase.returned for purchase in purchases],
                "complete_times": [purchase.complete_time for purchase in purchases],
                "paid": [purchase.basket.paid if purchase.basket else None for purchase in purchases],
                "freights": [basket.freight for basket in baskets],
                "channels": [basket.channel for basket in baskets],
                "stores": [basket.store for basket in baskets],
                "orgs": [basket.org for basket in baskets],
                "lines": [_lines_document(basket) for basket in baskets],
                "lines_left": [json.dumps(left.lines) if left and left.lines else None for left in lefts],
                "freights_left": [left.freight if left else None for left in lefts],
                "receipts": [purchase.receipt or None for purchase in purchases],
                "mosts": [purchase.most for purchase in purchases],
            },
        )

    def kept(self, orders: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Kept]:
        """What rules know of purchases, each given as its member and order, and what they earned by rules."""
        keys = {"members": [member for member, _ in orders], "orders": [order for _, order in orders]}
        rows = self._connection.execute(_KEPT, keys).all()
        return {(member, order): _kept(*columns) for member, order, *columns in rows}

    def claimed(self, members: Collection[UUID]) -> list[Claimed]:
        """What the members' purchases take of the caps that they share."""
        rows = self._connection.execute(_CLAIMED, {"members": list(members)}).all()
        return [
            Claimed(member, order, programme, pay_time, dict(_earning(0, points, json.loads(grants)).claims()))
            for member, order, programme, pay_time, points, grants in rows
        ]

    def keep_earnings(
        self, earned: Mapping[tuple[UUID, UUID], Mapping[str, Earning]], persons: Mapping[tuple[UUID, UUID], Person]
    ) -> None:
        """Keep what purchases earned by rules, and who the members were of those that were judged by them."""
        rows = [
            (order, programme, earning) for (_, order), each in earned.items() for programme, earning in each.items()
        ]
        if not rows and not persons:
            return
        self._connection.execute(
            _EARNED,
            {
                "orders": [order for order, _, _ in rows],
                "programmes": [programme for _, programme, _ in rows],
                "versions": [earning.version for _, _, earning in rows],
                "points": [earning.points for _, _, earning in rows],
                "grants": [json.dumps(_grants_document(earning)) for _, _, earning in rows],
                "person_members": [member for member, _ in persons],
                "person_orders": [order for _, order in persons],
                "persons": [
                    json.dumps([each.tier, each.tags, each.first_purchase, each.birthday_month])
                    for each in persons.values()
                ],
            },
        )

    def forget(self, members: Collection[UUID]) -> None:
        """Blank what purchases keep of persons: tags and the month of birth. Tier and first purchase are figures."""
        self._connection.execute(_FORGET, {"members": list(members)})


def _purchase(order: UUID, member: UUID, net: int, currency: str, *columns: Any) -> Purchase:
    pay_time, version, rules, earned, returned, complete_time, receipt, most = columns
    return Purchase(
        order,
        member,
        Money(net, currency),
        pay_time,
        version,
        rules,
        earned,
        returned,
        complete_time,
        receipt=receipt or "",
        most=most,
    )


def _lines_document(basket: Basket) -> str | None:
    """The goods; None when nothing is known of them but what they cost."""
    if not any(line.product or line.category for line in basket.lines):
        return None
    return json.dumps([[line.product, line.category, line.quantity, line.amount, line.net] for line in basket.lines])


def _kept(net: int, paid: int | None, freight: int, channel: str, store: str, *documents: Any) -> Kept:
    org, lines, lines_left, freight_left, person, earnings = documents
    goods = tuple(Line(*line) for line in json.loads(lines)) if lines else ()
    left = Left(net, tuple(json.loads(lines_left)) if lines_left else None, freight_left)
    return Kept(
        Basket(net if paid is None else paid, freight, channel, store, goods, org),
        left,
        _person(json.loads(person)) if person else None,
        {programme: _earning(*earning) for programme, *earning in json.loads(earnings or "[]")},
    )


def _person(kept: list[Any]) -> Person:
    tier, tags, first_purchase, birthday_month = kept
    return Person(tier, tuple(tags), first_purchase, birthday_month)


def _grants_document(earning: Earning) -> dict[str, Any]:
    return {
        "room": earning.room,
        "grants": [[each.rule, each.verdict.value, each.points, each.claim, each.room] for each in earning.grants],
    }


def _earning(version: int, points: int, kept: dict[str, Any]) -> Earning:
    grants = tuple(
        Grant(rule, Verdict(verdict), given, claim, Room(*room) if room else None)
        for rule, verdict, given, claim, room in kept["grants"]
    )
    return Earning(version, points, grants, Room(*kept["room"]) if kept["room"] else None)
