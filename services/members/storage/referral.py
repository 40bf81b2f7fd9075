"""Referrals, their codes, and the orders that decide about them as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.page import Page
from services.members.domain.referral import Order, Referral, State

_QUEUE_UP = text("select pg_advisory_xact_lock(hashtextextended('members.referrals', 0))")
_CODE = text("select code from referral_codes where member = :member")
_OWNER = text("select member from referral_codes where code = :code")
_ADD_CODE = text("insert into referral_codes (member, code) values (:member, :code) on conflict do nothing")

_REFERRALS = """
    select member, referrer, create_time, referrer_points, member_points, state, "order", referrer_given, member_given,
           reward_time, version
    from referrals
"""
_READ = text(f"{_REFERRALS} where member = any(cast(:members as uuid[])) order by member")
_PAGE = text(f"""
    {_REFERRALS} where referrer = :referrer and (cast(:before as uuid) is null or member < cast(:before as uuid))
    order by member desc limit :limit
""")
# `union` ends the walk even if there were a circle.
_CHAIN = text("""
    with recursive chain (member) as (
        select cast(:member as uuid)
        union select r.referrer from referrals r join chain on chain.member = r.member
    )
    select member from chain
""")
_REWARDED = text("""
    select count(*) from referrals
    where referrer = :referrer and state = 'REWARDED' and referrer_given > 0
        and reward_time >= cast(:since as timestamptz)
""")
_ADD = text("""
    insert into referrals (member, referrer, create_time, referrer_points, member_points, state, referrer_given,
                           member_given, version)
    values (:member, :referrer, cast(:create_time as timestamptz), :referrer_points, :member_points, :state,
            :referrer_given, :member_given, :version)
""")
_SAVE = text("""
    update referrals set state = :state, "order" = cast(:order as uuid), referrer_given = :referrer_given,
        member_given = :member_given, reward_time = cast(:reward_time as timestamptz), version = :version
    where member = :member
""")

_ORDERS = text("""
    select member, "order", pay_time, paid, net, version from referral_orders
    where member = any(cast(:members as uuid[]))
""")
_KNOWN = text("""
    select o.member, o."order", o.pay_time, o.paid, o.net, o.version
    from unnest(cast(:members as uuid[]), cast(:orders as uuid[])) as k (member, "order")
    join referral_orders o on o.member = k.member and o."order" = k."order"
""")
_SAVE_ORDERS = text("""
    insert into referral_orders (member, "order", pay_time, paid, net, version)
    select * from unnest(
        cast(:members as uuid[]), cast(:orders as uuid[]), cast(:pay_times as timestamptz[]), cast(:paid as bigint[]),
        cast(:nets as bigint[]), cast(:versions as bigint[]))
    on conflict (member, "order") do update
    set pay_time = excluded.pay_time, paid = excluded.paid, net = excluded.net, version = excluded.version
""")


class ReferralStore:
    """Keeps who brought whom. Whoever changes something has locked the wallets of the members."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def queue_up(self) -> None:
        """Wait until nobody else makes a referral, until the end of the transaction: so no circle comes about."""
        self._connection.execute(_QUEUE_UP)

    def code(self, member: UUID) -> str | None:
        """The code of a member."""
        return self._connection.execute(_CODE, {"member": member}).scalar_one_or_none()

    def owner(self, code: str) -> UUID | None:
        """Whose code it is."""
        return self._connection.execute(_OWNER, {"code": code}).scalar_one_or_none()

    def add_code(self, member: UUID, code: str) -> bool:
        """Keep a new code; answers whether it was free."""
        return self._connection.execute(_ADD_CODE, {"member": member, "code": code}).rowcount == 1

    def read(self, members: Collection[UUID]) -> dict[UUID, Referral]:
        """Who brought these members; those whom nobody did are missing."""
        return {row.member: _referral(row) for row in self._connection.execute(_READ, {"members": list(members)})}

    def page(self, referrer: UUID, page: Page) -> list[Referral]:
        """Whom a member has brought, before a position, the newest members first."""
        before = UUID(page.after[0]) if page.after else None
        query = {"referrer": referrer, "before": before, "limit": page.fetch}
        return [_referral(row) for row in self._connection.execute(_PAGE, query)]

    def chain(self, member: UUID) -> set[UUID]:
        """The member, who brought that one, who brought them, and so on."""
        return set(self._connection.execute(_CHAIN, {"member": member}).scalars())

    def rewarded(self, referrer: UUID, since: datetime) -> int:
        """How many referrals gave the referrer points since then, and still do."""
        count: int = self._connection.execute(_REWARDED, {"referrer": referrer, "since": since}).scalar_one()
        return count

    def add(self, referral: Referral) -> None:
        """Keep a new referral."""
        self._connection.execute(_ADD, _columns(referral))

    def save(self, referral: Referral) -> None:
        """Keep what became of a referral."""
        self._connection.execute(_SAVE, _columns(referral))

    def orders(self, members: Collection[UUID]) -> list[Order]:
        """What is known of the orders of these members."""
        return [Order(*row) for row in self._connection.execute(_ORDERS, {"members": list(members)})]

    def known(self, orders: Collection[Order]) -> list[Order]:
        """What was heard of these orders before."""
        query = {"members": [order.member for order in orders], "orders": [order.id for order in orders]}
        return [Order(*row) for row in self._connection.execute(_KNOWN, query)]

    def save_orders(self, orders: Sequence[Order]) -> None:
        """Keep what is known of orders."""
        self._connection.execute(
            _SAVE_ORDERS,
            {
                "members": [order.member for order in orders],
                "orders": [order.id for order in orders],
                "pay_times": [order.pay_time for order in orders],
                "paid": [order.paid for order in orders],
                "nets": [order.net for order in orders],
                "versions": [order.version for order in orders],
            },
        )


def _columns(referral: Referral) -> dict[str, object]:
    return {
        "member": referral.member,
        "referrer": referral.referrer,
        "create_time": referral.create_time,
        "referrer_points": referral.referrer_points,
        "member_points": referral.member_points,
        "state": referral.state.value,
        "order": referral.order,
        "referrer_given": referral.referrer_given,
        "member_given": referral.member_given,
        "reward_time": referral.reward_time,
        "version": referral.version,
    }


def _referral(row: Row[tuple[object, ...]]) -> Referral:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Referral(**{**values, "state": State(row.state)})
